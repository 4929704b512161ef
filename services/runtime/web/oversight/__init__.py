"""Pages that both sides have for those who run and those who oversee a service."""
