"""Decides who is proposed which place, explains it, and answers questions about it."""
