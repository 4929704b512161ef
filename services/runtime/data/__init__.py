"""Holds access to PostgreSQL: connections, savepoints, leases, migrations, roles."""
