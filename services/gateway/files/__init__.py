"""The doors for files: what providers and offices already have becomes the same events."""
