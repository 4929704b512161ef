"""The invented Kreis: its calendar, towns, people and courses, and what is known of them."""
