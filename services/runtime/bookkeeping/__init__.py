"""Holds the rows kept about records: offsets, inbox, parked and refused records, pauses, findings."""
