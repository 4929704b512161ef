"""PostgreSQL: connections, migrations, databases and roles, the schema as text."""
