"""Pages with names: the registering office's desk, the provider's roster, the counsellor's inbox."""
