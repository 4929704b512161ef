"""Pages of any service: sessions, CSRF, headers, languages, templates; knows no service."""
