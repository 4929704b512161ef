"""How Kurslotse is put into containers."""
