"""The coordinators' pages and HTTP API, and the providers' page without persons."""
