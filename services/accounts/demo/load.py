"""Loads invented people from a file into a demo installation; a real one refuses."""

from pathlib import Path
from typing import Annotated

import asyncpg
import yaml
from pydantic import BaseModel, ConfigDict, Field

from services.accounts.domain import Kind, Role, Side, roles_of
from services.accounts.people import store

ISSUER = "demo"
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DemoOrganisation(_Closed):
    """An invented organisation."""

    slug: Slug
    name: str
    kind: Kind
    kreise: tuple[str, ...]
    tenant: str | None = None
    publisher: str | None = None
    founding: bool = False


class DemoPerson(_Closed):
    """An invented person; `about` says by language what they do."""

    key: Slug
    name: str
    organisation: str
    roles: tuple[Role, ...]
    about: dict[str, str]


class DemoPeople(_Closed):
    """The invented organisations and people of one side."""

    organisations: tuple[DemoOrganisation, ...]
    people: tuple[DemoPerson, ...]


def read(path: Path, side: Side) -> DemoPeople:
    """Read the people of one side: the part of the file that bears its name, or the whole file."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return DemoPeople.model_validate(found.get(side.value, found))


async def load(conn: asyncpg.Connection, side: Side, found: DemoPeople) -> int:
    """Store them with their roles; return how many people there are.

    Raises:
        ValueError: the installation is a real one, or an organisation cannot give a role.
    """
    if await conn.fetchval("SELECT kind FROM runtime.installation") != "demo":
        raise ValueError("invented people belong to a demo: this installation is a real one")
    for one in found.organisations:
        await store.put_organisation(
            conn,
            one.slug,
            name=one.name,
            kind=one.kind.value,
            kreise=one.kreise,
            tenant=one.tenant,
            publisher=one.publisher,
            founding=one.founding,
        )
    kinds = {one.slug: one.kind for one in found.organisations}
    for position, person in enumerate(found.people):
        if not set(person.roles) <= set(roles_of(side, kinds[person.organisation])):
            raise ValueError(f"{person.key}: {person.organisation} cannot give these roles")
        row = await store.person_by_key(conn, person.key)
        known = row["person"] if row else None
        home = person.organisation
        identifier = known or await store.add_person(
            conn, person.key, name=person.name, email=None, home=home
        )
        about = person.about | {"position": f"{position:03}"}
        await store.put_identity(conn, ISSUER, person.key, identifier, about)
        for role in person.roles:
            await store.give(conn, identifier, home, role.value, "demo")
    return len(found.people)
