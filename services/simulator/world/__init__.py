"""Invents the Kreis: its calendar, towns, people and courses; keeps what is known of them by now."""
