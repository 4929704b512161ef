"""Pages for those who run and those who oversee the support side: mail, looks at names."""
