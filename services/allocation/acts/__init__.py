"""What people, timers and runs do to a place: propose, approve, answer, override, merge, expire."""
