"""What people allowed, for which office, until when; and what ends with it."""
