"""Making sure that an alert is known: delivery rows, their workers, e-mail."""
