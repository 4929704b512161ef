"""Defines who is looking at a page, and how a service learns it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fastapi import APIRouter
from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person: `role` decides the pages, `kreise` and `organisation` the rows."""

    key: str
    name: str
    role: str
    kreise: tuple[str, ...] = ()
    organisation: str | None = None
    publisher: str | None = None
    place: str = ""  # shown in the page's head instead of "Bundesrepublik Deutschland"
    menu: Sequence[tuple[str, str]] = ()
    """What the visitor's organisation adds to the menu of their role: addresses with msgids."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A valid session: whose, the token of its forms, and whether the person signed in a moment ago."""

    visitor: Visitor
    csrf: str
    fresh: bool


class SignIn(Protocol):
    """Recognises people by their sessions and brings the pages on which they sign in and out."""

    @property
    def routers(self) -> Sequence[APIRouter]:
        """The pages, `/sign-in` among them."""
        ...

    @property
    def doors(self) -> Sequence[APIRouter]:
        """Addresses that other servers ask; they guard themselves."""
        ...

    @property
    def templates(self) -> Sequence[Path]:
        """Folders of their templates."""
        ...

    @property
    def locales(self) -> Sequence[Path]:
        """Folders of their texts."""
        ...

    async def recognise(self, request: Request) -> SignedIn | None:
        """Return the session of a request; None for a stranger."""
        ...

    def name_of(self, key: str) -> str | None:
        """Return the name of the person behind a key in a history; None if nobody is known by it."""
        ...
