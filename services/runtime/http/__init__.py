"""Serves every HTTP port: limits on size, time and number of requests, before any application sees them."""
