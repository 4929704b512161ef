"""Why somebody got this place, or none, and what would help: proofs, reasons, remedies."""
