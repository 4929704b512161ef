"""An exact solver of assignment problems; it knows no Kreis."""
