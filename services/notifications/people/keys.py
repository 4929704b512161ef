"""Keeps one secret for each person in a database of its own; without it nobody can read what is sealed.

A person's data key lies beside what it seals, wrapped once for each organisation that may read. What it is
wrapped with is derived from the person's secret, which lies here, wrapped by a key-encryption key (KEK) that
is in no database. So a backup of the data brings nobody back whose secret was destroyed.
"""

import base64
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.notifications.people.crypto import SealError
from services.runtime.base.identity_key import IdentityKey
from services.runtime.data.db import Pool, acquire, transaction

_BYTES = 32
_NONCE = 12
OLD_KEK = "0"
"""Id of a KEK that was set without one."""


class KekError(ValueError):
    """KURSLOTSE_KEK cannot be understood; the message never holds its value."""


@dataclass(frozen=True, slots=True)
class Keks:
    """Key-encryption keys by id; `current` wraps what is new, the others still open what is old."""

    current: str
    by_id: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def from_text(cls, text: str) -> "Keks":
        """Read `ID:BASE64[,ID:BASE64...]`, each of 32 bytes, the current one first.

        Raises:
            KekError: it is something else.
        """
        found: dict[str, bytes] = {}
        for part in text.split(","):
            id_, colon, value = part.strip().rpartition(":")
            try:
                key = base64.b64decode(value, validate=True)
            except ValueError:
                key = b""
            if len(key) != _BYTES or (colon and not id_.isalnum()):
                raise KekError("KURSLOTSE_KEK must read ID:BASE64[,ID:BASE64...], each base64 of 32 bytes")
            found[id_ or OLD_KEK] = key
        return cls(next(iter(found)), found)


def new_kek() -> str:
    """Make a KEK with a random id, as KURSLOTSE_KEK holds it."""
    return f"{os.urandom(4).hex()}:{base64.b64encode(os.urandom(_BYTES)).decode()}"


@dataclass(frozen=True, slots=True)
class PersonSecrets:
    """The secrets of people, on a pool of the keys database.

    Each call is a transaction of its own: a secret is there before the person whom it seals, and gone
    before them. So a crash leaves a secret without a person, or somebody whom nobody can read.
    """

    pool: Pool
    keks: Keks
    identity_key: IdentityKey

    async def of(self, people: Collection[UUID]) -> dict[UUID, bytes]:
        """Return the secrets of these people; those whose secret was destroyed are missing."""
        names = {self.identity_key.of_person(one): one for one in people}
        if not names:
            return {}
        async with acquire(self.pool) as conn:
            rows = await conn.fetch(
                "SELECT person, kek, wrapped FROM person_secret WHERE person = ANY($1::bytea[])", list(names)
            )
        return {names[row["person"]]: self._open(row) for row in rows}

    async def ensure(self, person: UUID) -> bytes:
        """Return a person's secret, making it if there is none."""
        name = self.identity_key.of_person(person)
        secret = os.urandom(_BYTES)
        async with acquire(self.pool) as conn:
            await conn.execute(
                "INSERT INTO person_secret (person, kek, wrapped) VALUES ($1, $2, $3)"
                " ON CONFLICT (person) DO NOTHING",
                name,
                self.keks.current,
                self._wrapped(secret, name),
            )
            row = await conn.fetchrow(
                "SELECT person, kek, wrapped FROM person_secret WHERE person = $1", name
            )
        if row is None:
            raise RuntimeError("a secret vanished while it was made")
        return self._open(row)

    async def destroy(self, people: Iterable[UUID]) -> int:
        """Destroy the secrets of people: whatever was sealed about them is unreadable from here on."""
        names = [self.identity_key.of_person(one) for one in people]
        async with acquire(self.pool) as conn:
            rows = await conn.fetch(
                "DELETE FROM person_secret WHERE person = ANY($1::bytea[]) RETURNING 1", names
            )
        return len(rows)

    async def rewrap(self, limit: int = 500) -> int:
        """Wrap some secrets by the current KEK that another one wraps; return how many."""
        async with transaction(self.pool) as conn:
            rows = await conn.fetch(
                "SELECT person, kek, wrapped FROM person_secret WHERE kek <> $1"
                " ORDER BY person LIMIT $2 FOR UPDATE SKIP LOCKED",
                self.keks.current,
                limit,
            )
            await conn.executemany(
                "UPDATE person_secret SET kek = $2, wrapped = $3 WHERE person = $1",
                [
                    (row["person"], self.keks.current, self._wrapped(self._open(row), row["person"]))
                    for row in rows
                ],
            )
        return len(rows)

    def stand_in(self, person: UUID) -> bytes:
        """Return a keyed hash of a person's id (16 bytes): without the key it leads back to nobody."""
        return self.identity_key.stand_in(person)

    async def by_kek(self) -> dict[str, int]:
        """Count the secrets by the id of the KEK that wraps them."""
        async with acquire(self.pool) as conn:
            rows = await conn.fetch("SELECT kek, count(*) AS n FROM person_secret GROUP BY kek ORDER BY kek")
        return {row["kek"]: row["n"] for row in rows}

    async def sweep(self, people: Collection[UUID], days: int) -> int:
        """Destroy secrets of people whom the data do not know, so old that no backup knows them either."""
        known = [self.identity_key.of_person(one) for one in people]
        async with acquire(self.pool) as conn:
            rows = await conn.fetch(
                "DELETE FROM person_secret WHERE made_at < now() - make_interval(days => $2)"
                " AND person <> ALL($1::bytea[]) RETURNING 1",
                known,
                days,
            )
        return len(rows)

    def _wrapped(self, secret: bytes, name: bytes) -> bytes:
        kek, nonce = self.keks.current, os.urandom(_NONCE)
        return nonce + AESGCM(self.keks.by_id[kek]).encrypt(nonce, secret, kek.encode() + name)

    def _open(self, row: asyncpg.Record) -> bytes:
        kek, wrapped = row["kek"], row["wrapped"]
        if kek not in self.keks.by_id:
            raise SealError(f"a secret is wrapped by KEK {kek}, which is not among those set")
        try:
            return AESGCM(self.keks.by_id[kek]).decrypt(
                wrapped[:_NONCE], wrapped[_NONCE:], kek.encode() + row["person"]
            )
        except InvalidTag as error:
            raise SealError(f"a secret cannot be opened by KEK {kek}") from error
