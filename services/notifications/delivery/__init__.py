"""Deliveries: the e-mails about alerts, each stored first and sent by a worker until the server takes it."""
