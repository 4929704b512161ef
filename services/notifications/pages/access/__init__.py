"""A person's own data on pages: what is held about them, as a file and in plain words."""
