"""Who may speak: publishers, their topics, their keys."""
