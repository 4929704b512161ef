"""Signs people in: organisations, people, roles, sessions."""
