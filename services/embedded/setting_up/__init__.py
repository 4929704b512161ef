"""Sets up a Kreis from the command line: the same as its pages do, for whoever operates."""
