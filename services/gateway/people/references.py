"""Mints opaque references for official numbers; of a number only its HMAC is stored."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from schemas.identity import participant_id
from services.gateway.people.numbers import number_key
from services.gateway.publishers.domain import Publisher

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # without characters that are mistaken for one another
_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Minted:
    """The reference of a person at this office, and the ids at other offices that share the number."""

    reference: str
    participant: UUID
    likely_duplicates: tuple[UUID, ...]


def number_mac(installation_key: str, scheme: str, number: str) -> bytes:
    """Return the HMAC-SHA256 of an official number (32 bytes), the same for each way to write it."""
    message = f"{scheme.strip().upper()}|{number_key(number)}"
    return hmac.digest(installation_key.encode(), message.encode(), hashlib.sha256)


def mint() -> str:
    """Make a random reference that is easy to read aloud and has a digit."""
    return "K2" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


async def reference_for(conn: asyncpg.Connection, publisher: Publisher, mac: bytes) -> Minted:
    """Return this office's reference for a number, the same at every call, in the caller's transaction."""
    made = mint()
    row = await conn.fetchrow(
        """
        INSERT INTO minted_reference (publisher, mac, organisation, reference, participant)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (publisher, mac) DO UPDATE SET organisation = EXCLUDED.organisation
        RETURNING reference, participant
        """,
        publisher.slug,
        mac,
        publisher.organisation,
        made,
        participant_id(publisher.slug, made),
    )
    if row is None:
        raise RuntimeError("an upsert returned no row")
    others = await conn.fetch(
        "SELECT participant FROM minted_reference WHERE mac = $1 AND publisher <> $2 ORDER BY participant",
        mac,
        publisher.slug,
    )
    return Minted(row["reference"], row["participant"], tuple(other["participant"] for other in others))


async def known_reference(conn: asyncpg.Connection, publisher: Publisher, mac: bytes) -> Minted | None:
    """Return this office's reference for a number without minting one; None if it has none.

    Other offices' registrations are not named: a dry run leaves no trace, so it answers no such question.
    """
    row = await conn.fetchrow(
        "SELECT reference, participant FROM minted_reference WHERE mac = $1 AND publisher = $2",
        mac,
        publisher.slug,
    )
    return Minted(row["reference"], row["participant"], ()) if row is not None else None
