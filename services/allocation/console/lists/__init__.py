"""Lists of the console: what the address may ask of one, checked, and kept in every link."""
