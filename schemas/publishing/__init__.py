"""Publishes the JSON Schemas and the AsyncAPI document, and checks that published versions stay readable."""
