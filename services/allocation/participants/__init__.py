"""Facts about people that steering needs, by reference."""
