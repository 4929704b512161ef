"""Links by which people come to an account, or enrol again: each once, for some days."""
