"""The municipality's decisions: dated documents within the law, and travel times."""
