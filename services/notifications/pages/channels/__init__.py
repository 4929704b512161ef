"""Pages on which an office says how it is told, keeps its webhooks, and sees what was sent."""
