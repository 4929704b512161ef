"""The official directory of towns (Gemeinden), by date; each service has it in its own database."""
