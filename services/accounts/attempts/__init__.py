"""Failed sign-ins, counted by account and by source: growing delays."""
