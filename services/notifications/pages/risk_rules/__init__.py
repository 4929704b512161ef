"""What the rules about risks are set to for an office, and what they were worth."""
