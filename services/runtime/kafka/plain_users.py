"""Lets a publisher sign in with SASL PLAIN, for clients whose SCRAM a current broker refuses.

librdkafka before 2.6.1 (kcat of Debian 12) sends its nonce twice; since Kafka 4 the broker compares it
exactly, as RFC 5802 asks. Neither another hash nor another number of iterations changes that. A broker
reads its PLAIN users when it starts.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "KURSLOTSE_KAFKA_PLAIN"
"""File with the users of the broker that this home runs; only there PLAIN is offered."""

_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"


def jaas(users: Mapping[str, str]) -> str:
    """Write the broker's configuration of its PLAIN users."""
    known = " ".join(f'user_{name}="{password}"' for name, password in sorted(users.items()))
    return f"{_MODULE} required {known}".rstrip() + ";"


def read_users(path: Path) -> dict[str, str]:
    """Read user -> password; empty if there is no file."""
    if not path.exists():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def set_user(path: Path, user: str, password: str | None) -> None:
    """Set a user's password, or take the user out; the broker knows it from its next start on."""
    users = read_users(path)
    if users.get(user) == password:
        return
    users.pop(user, None)
    if password is not None:
        users[user] = password
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(users, file, indent=1)
    draft.replace(path)
