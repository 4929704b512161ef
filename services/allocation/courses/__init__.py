"""Supply: courses, their sections, and the seats in them."""
