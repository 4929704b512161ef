"""Acts on places by people, timers and runs: propose, approve, answer, override, merge, expire."""
