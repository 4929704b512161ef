"""The plumbing every service stands on; knows none of them."""
