"""Rule book, municipal policy, matching: who is proposed which place, and why."""
