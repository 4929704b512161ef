"""Replays a history of attendance and says how well risk rules would have warned of exits."""
