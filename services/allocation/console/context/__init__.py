"""Context of every page: the visit, forms, what is read from PostgreSQL, answers of the API."""
