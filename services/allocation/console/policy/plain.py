"""Explains the policy that comes with Kurslotse in plain words, and lets a Kreis adopt it as its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.accounts.domain import Kind, Role
from services.accounts.people.staffing import staff
from services.allocation.console.context.menu import AUDITOR, COORDINATORS
from services.allocation.console.context.visit import ConsoleContext, Visit, context_of
from services.allocation.console.policy.document import as_document
from services.allocation.console.policy.sentences import ALWAYS_PEOPLE, BY_ITSELF, BY_PEOPLE, GOALS
from services.allocation.policy import acts
from services.allocation.policy import store as policy_store
from services.allocation.policy.domain import Policy, Step
from services.allocation.policy.store import Version
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(include_in_schema=False)
PLAIN = "/policy/plain"
ADMINISTRATOR = Role.ADMINISTRATOR.value

ADOPTED_SOURCE = msgid("The Kreis adopts the policy that comes with Kurslotse.")


def _of_kreis(
    request: Request,
    context: Annotated[ConsoleContext, Depends(context_of)],
    visitor: Annotated[Visitor, Depends(signed_in(*COORDINATORS, ADMINISTRATOR, reading=(AUDITOR,)))],
) -> Visit:
    """Let people of a Kreis in; a provider's administrator decides nothing for it."""
    if visitor.organisation is not None:
        raise not_found()
    return Visit(request, context, visitor)


KreisVisit = Annotated[Visit, Depends(_of_kreis)]


def _sentences(texts: Texts, policy: Policy) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Say what happens by itself, what people decide, and what counts."""
    alone = [texts.plain(BY_ITSELF[step]) for step in Step if policy.automates(step)]
    decided = [texts.plain(BY_PEOPLE[step]) for step in Step if not policy.automates(step)]
    return alone, [*decided, texts.plain(ALWAYS_PEOPLE)], [texts.plain(GOALS[goal]) for goal in policy.goals]


def _installed(visit: Visit) -> Policy:
    try:
        return visit.context.policies.installed(visit.kreis, visit.moment().today)
    except LookupError:
        raise not_found() from None


@router.get(PLAIN)
async def plain_page(visit: KreisVisit) -> Response:
    """Show the policy in plain words, and how far the Kreis is with adopting it."""
    policy, texts = _installed(visit), visit.texts
    alone, decided, goals = _sentences(texts, policy)
    async with visit.open() as conn:
        version = await _under_way(conn, visit.kreis)
        first = visit.visitor.key if version is None else version.written_by
        coordination = (Role.COORDINATOR, Role.HEAD)
        others = await staff(conn, Kind.KREIS, coordination, kreise=[visit.kreis], but=first)
    role = visit.visitor.role
    return visit.page(
        "policy-plain.html",
        kreis=visit.kreis,
        place=visit.place(visit.kreis),
        alone=alone,
        decided=decided,
        goals=goals,
        policy=policy,
        version=version,
        mine=version is not None and version.written_by == visit.visitor.key,
        others=others,
        coordinates=role in {*COORDINATORS, AUDITOR},
        administers=role == ADMINISTRATOR,
        actor=visit.actor,
    )


async def _under_way(conn: asyncpg.Connection, kreis: str) -> Version | None:
    """Return the policy of the Kreis that is active, else the one that waits for a second person."""
    versions = await policy_store.versions(conn, kreis)
    for state in ("active", "submitted"):
        found = next((one for one in versions if one.state == state), None)
        if found is not None:
            return found
    return None


@router.post("/policy/adopt")
async def adopt(visit: KreisVisit) -> Response:
    """Write the policy down for the Kreis and hand it in; a second person activates it, as any other."""
    policy, texts, moment = _installed(visit), visit.texts, visit.moment()
    document = as_document(texts, policy, moment.today, texts.plain(ADOPTED_SOURCE))
    async with visit.open() as conn:
        await policy_store.lock(conn, visit.kreis)
        if await _under_way(conn, visit.kreis) is not None:
            return visit.web.back(
                visit.request,
                _back(visit),
                "warning",
                "The Kreis has a policy, or one waits for its second person.",
            )
        written = await acts.write(
            conn, visit.kreis, document, visit.visitor.key, moment.now, book=visit.context.rulebook
        )
        await acts.submit(conn, written.id, visit.visitor.key, moment.now, texts.plain(ADOPTED_SOURCE))
    return visit.web.back(
        visit.request,
        _back(visit),
        "success",
        "Handed in. A second person of the coordination now reads and activates it.",
    )


def _back(visit: Visit) -> str:
    return f"{PLAIN}?kreis={visit.kreis}"
