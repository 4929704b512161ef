"""Who holds which place: the chain from proposal to completion."""
