"""Publishers: who may send which events, their topics and their keys."""
