"""Every page about a person: registering office's desk, provider's roster, counsellor's inbox."""
