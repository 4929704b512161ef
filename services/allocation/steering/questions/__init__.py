"""Questions to the engine: what if, which course next, pooling; nothing is written."""
