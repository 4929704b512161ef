"""Makes the services' databases and roles, with their privileges."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

RUNTIME_ROLES = ("worker", "web", "status")
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")
_PREFIX = re.compile(r"^(?:[a-z][a-z0-9-]{0,20})?\Z")
_ITERATIONS = 4096
_ALL_ROWS = "SELECT, INSERT, UPDATE, DELETE"


@dataclass(frozen=True, slots=True)
class Passwords:
    """Passwords of a service's three runtime roles; the owner never logs in."""

    worker: str = field(repr=False)
    web: str = field(repr=False)
    status: str = field(repr=False)


def database_name(prefix: str, service: str) -> str:
    """Return the name of a service's database; its roles are named after it.

    >>> database_name("t1-", "allocation")
    't1_kurslotse_allocation'
    """
    if _PREFIX.match(prefix) is None:
        msg = (
            "a prefix is lower case letters, digits and hyphens, starts with a letter, at most 21 characters"
        )
        raise ValueError(msg)
    return checked(f"{prefix.replace('-', '_')}kurslotse_{service}")


def role_name(database: str, kind: str) -> str:
    """Return the name of a database's role: owner, worker, web or status."""
    return checked(f"{database}_{kind}")


def checked(name: str) -> str:
    """Return a plain identifier unchanged, for identifiers cannot be bound; raise ValueError otherwise."""
    if _NAME.match(name) is None:
        msg = f"not a plain identifier: {name!r}"
        raise ValueError(msg)
    return name


def address_of(admin_url: str, database: str, role: str | None = None, password: str | None = None) -> str:
    """Return the administrative address for another database, and role if given."""
    parts = urlsplit(admin_url)
    where = parts.netloc.rpartition("@")[2]
    who = parts.netloc.rpartition("@")[0]
    if role is not None:
        who = quote(role, safe="") + (f":{quote(password, safe='')}" if password else "")
    return urlunsplit(parts._replace(netloc=f"{who}@{where}" if who else where, path=f"/{database}"))


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Return the SCRAM verifier of a password, so that the password itself is never sent to PostgreSQL."""
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = base64.b64encode(hashlib.sha256(client).digest()).decode()
    server = base64.b64encode(hmac.digest(salted, b"Server Key", "sha256")).decode()
    return f"SCRAM-SHA-256${_ITERATIONS}:{base64.b64encode(salt).decode()}${stored}:{server}"


async def ensure_database(admin: asyncpg.Connection, database: str, passwords: Passwords) -> None:
    """Make missing roles and the database, and set who may connect."""
    owner = role_name(database, "owner")
    await _ensure_role(admin, owner, None)
    await set_passwords(admin, database, passwords)
    if not await admin.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await admin.execute(f"GRANT {owner} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
    if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
        await admin.execute(f"CREATE DATABASE {database} OWNER {owner}")
    await admin.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    for kind in RUNTIME_ROLES:
        await admin.execute(f"GRANT CONNECT ON DATABASE {database} TO {role_name(database, kind)}")
    status = role_name(database, "status")
    await admin.execute(f"ALTER ROLE {status} IN DATABASE {database} SET default_transaction_read_only = on")


async def set_passwords(admin: asyncpg.Connection, database: str, passwords: Passwords) -> None:
    """Make the runtime roles of a database that are missing, and set the passwords of all."""
    for kind in RUNTIME_ROLES:
        await _ensure_role(admin, role_name(database, kind), getattr(passwords, kind))


async def ensure_privileges(owner_session: asyncpg.Connection, database: str) -> None:
    """Set the default privileges of new schemas, tables and sequences: all to the worker, none to web."""
    owner, worker, web, status = (role_name(database, kind) for kind in ("owner", *RUNTIME_ROLES))
    for statement in (
        "CREATE SCHEMA IF NOT EXISTS runtime",
        "CREATE SCHEMA IF NOT EXISTS status",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public, runtime TO {worker}, {web}",
        f"GRANT USAGE ON SCHEMA status TO {worker}, {status}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE ON SCHEMAS TO {worker}, {web}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT {_ALL_ROWS} ON TABLES TO {worker}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE, SELECT ON SEQUENCES TO {worker}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA status GRANT SELECT ON TABLES TO {status}",
    ):
        await owner_session.execute(statement)


async def drop_database(admin: asyncpg.Connection, database: str) -> None:
    """Remove a database with its roles (tests and `kurslotse down` only)."""
    await admin.execute(f"DROP DATABASE IF EXISTS {checked(database)} WITH (FORCE)")
    for kind in ("owner", *RUNTIME_ROLES):
        await admin.execute(f"DROP ROLE IF EXISTS {role_name(database, kind)}")


async def _ensure_role(admin: asyncpg.Connection, role: str, password: str | None) -> None:
    if not await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await admin.execute(f"CREATE ROLE {role} NOLOGIN")
    if password is not None:
        # The verifier is base64, digits, `$` and `:` only: it cannot leave the quotes.
        await admin.execute(f"ALTER ROLE {role} LOGIN PASSWORD '{scram_verifier(password)}'")
