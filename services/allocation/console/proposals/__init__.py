"""Pages of proposals, reservations and what goes to BAMF."""
