"""The first steps of an organisation of the support side: facts, words, page."""
