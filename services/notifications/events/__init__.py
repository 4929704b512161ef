"""What publishers and allocation say, each kind of event in a module of its own."""
