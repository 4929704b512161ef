"""Questions to the engine on a changed picture: answered in a process of their own, nothing is written."""
