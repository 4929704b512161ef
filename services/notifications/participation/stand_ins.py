"""Replaces people's ids by ones that say nothing, in reports kept before they can be judged."""

from uuid import UUID, uuid4

_VERSION_SHIFT, _VERSION_MASK = 76, 0xF << 76
_HASHED, _NOBODY = 8, 15


def _with_version(value: int, version: int) -> UUID:
    return UUID(int=value & ~_VERSION_MASK | version << _VERSION_SHIFT)


def hashed(digest: bytes) -> UUID:
    """Return the stand-in of somebody, made of a keyed hash (16 bytes) of their id.

    >>> hashed(bytes(16)).hex
    '00000000000080000000000000000000'
    """
    return _with_version(int.from_bytes(digest), _HASHED)


def nobody() -> UUID:
    """Return a random stand-in: whom it stands for is forgotten."""
    return _with_version(uuid4().int, _NOBODY)


def is_stand_in(id_: UUID) -> bool:
    """Return whether an id may stand for somebody else; publishers gain nothing by sending such ids."""
    return id_.int >> _VERSION_SHIFT & 0xF in {_HASHED, _NOBODY}


def is_hashed(id_: UUID) -> bool:
    """Return whether an id may be a keyed hash."""
    return id_.int >> _VERSION_SHIFT & 0xF == _HASHED
