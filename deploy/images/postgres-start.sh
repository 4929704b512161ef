#!/bin/sh
# Makes the cluster at the first start, as the official image does, then runs the server.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
    fi
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo "Set POSTGRES_PASSWORD_FILE or POSTGRES_PASSWORD." >&2
        exit 1
    fi
    making="$PGDATA.making"
    rm -rf "$making"
    mkdir -p "$making"
    chmod 0700 "$making"
    umask 077
    secret=$(mktemp)
    printf '%s' "$POSTGRES_PASSWORD" > "$secret"
    # shellcheck disable=SC2086 -- several options in one variable, as the official image reads them
    initdb --pgdata="$making" --username=postgres --pwfile="$secret" --encoding=UTF8 ${POSTGRES_INITDB_ARGS:-}
    rm -f "$secret"
    echo "host all all all scram-sha-256" >> "$making/pg_hba.conf"
    echo "listen_addresses = '*'" >> "$making/postgresql.conf"
    echo "unix_socket_directories = '/var/run/postgresql'" >> "$making/postgresql.conf"
    mv "$making" "$PGDATA"
fi
unset POSTGRES_PASSWORD
exec "$@"
