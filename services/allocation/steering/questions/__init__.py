"""Answers questions with the same engine (what if, which course next, pooling) and writes nothing."""
