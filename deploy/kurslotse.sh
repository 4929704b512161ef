#!/bin/sh
exec /opt/kurslotse/venv/bin/python -m services.cli "$@"
