"""Organisations that others add: whose a publisher is, first invitations, whether its people may work."""
