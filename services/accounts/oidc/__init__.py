"""Signs people in at OpenID Connect servers of their organisations."""
