"""The support side: people and their consents, participation, alerts to counselling offices, pages."""
