"""Shows anybody the policy of a Kreis in plain words, its versions before, and drafts sent out for comment.

The pages carry no session, no form and no cookie, so that they may be kept by caches; what they say is what
the document says, its first day and the day of the decision. Who acted is on the pages of coordination only.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.allocation.console.context.visit import Context
from services.allocation.console.policy import words as policy_words
from services.allocation.console.policy.discussion.comments import read
from services.allocation.console.policy.pages import in_force
from services.allocation.console.policy.sentences import Wording
from services.allocation.policy import consultation
from services.allocation.policy import store as policy_store
from services.allocation.policy.domain import Policy
from services.allocation.policy.store import Version
from services.runtime.data.db import web_transaction
from services.runtime.http.buckets import Failures, source_of
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found, status_text
from services.runtime.web.visit.guard import anybody

PUBLIC: Final = "/public/policy"
MAX_AGE: Final = 300
"""Seconds for which caches may keep a page; an activation is seen by everybody after that."""
_KREIS = re.compile(r"[0-9]{5}")


def asked_so_far() -> Failures:
    """Return the count of requests by source: a program may ask twice a second, a person never notices."""
    return Failures(time.monotonic, rate=2.0, burst=120)


async def _not_too_often(request: Request) -> None:
    asked: Failures = request.app.state.public_asked
    source = source_of(request.client.host if request.client else "")
    if asked.wait_of(source):
        raise PageError(429, "attempts", status_text(429))
    asked.count(source)


router = APIRouter(include_in_schema=False, dependencies=[anybody, Depends(_not_too_often)])


@dataclass(frozen=True, slots=True)
class Before:
    """A version that held or is to hold; `until` is its last day, None while another one has not begun."""

    id: UUID
    begins: date
    decided_on: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class PublicVisit:
    """A request by anybody to a page about one Kreis, which has an organisation here."""

    request: Request
    context: Context
    kreis: str
    providers: Mapping[str, str]

    @property
    def language(self) -> str:
        """The language of the address; German if it names none."""
        return "en" if self.request.query_params.get("lang") == "en" else "de"

    @property
    def say(self) -> Wording:
        """How the policy is said."""
        places = self.context.places.now
        return Wording(
            web_of(self.request).texts_in(self.language),
            lambda ags: places.name(ags) or ags,
            lambda slug: self.providers.get(slug, slug),
        )

    def page(self, template: str, *, age: int = MAX_AGE, **values: object) -> Response:
        """Answer with a page that caches may keep."""
        moment = self.context.moment()
        answer = web_of(self.request).public_page(
            template,
            self.language,
            kreis=self.kreis,
            place=self.say.place(self.kreis),
            path=self.request.url.path,
            moment=moment,
            **values,
        )
        answer.headers["Cache-Control"] = f"public, max-age={age}" if age else "no-store"
        return answer


async def _of_kreis(request: Request, context: Context, kreis: str) -> PublicVisit:
    """Let anybody in, to a Kreis that works with Kurslotse."""
    if not _KREIS.fullmatch(kreis):
        raise not_found()
    async with web_transaction(context.pool, kreise=[kreis]) as conn:
        here = await conn.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM accounts.organisation WHERE kind = 'kreis' AND $1 = ANY (kreise) AND active)
            """,
            kreis,
        )
        if not here:
            raise not_found()
        rows = await conn.fetch("SELECT slug, name FROM runtime.publisher")
    return PublicVisit(request, context, kreis, {row["slug"]: row["name"] for row in rows})


OfKreis = Annotated[PublicVisit, Depends(_of_kreis)]


async def _versions(conn: asyncpg.Connection, kreis: str) -> list[Before]:
    """List the versions that have held or will, the latest first, but those withdrawn before their day."""
    rows = await conn.fetch(
        """
        SELECT id, holds_from, (activated_at AT TIME ZONE 'Europe/Berlin')::date AS decided_on,
            (withdrawn_at AT TIME ZONE 'Europe/Berlin')::date AS withdrawn_on
        FROM policy_version WHERE kreis = $1 AND activated_at IS NOT NULL
            AND (withdrawn_at IS NULL OR (withdrawn_at AT TIME ZONE 'Europe/Berlin')::date > holds_from)
        ORDER BY holds_from DESC, activated_at DESC, id LIMIT 100
        """,
        kreis,
    )
    found: list[Before] = []
    next_begins: date | None = None
    for row in rows:
        ends = [day for day in (next_begins, row["withdrawn_on"]) if day is not None]
        found.append(Before(row["id"], row["holds_from"], row["decided_on"], min(ends, default=None)))
        if row["withdrawn_on"] is None:
            next_begins = row["holds_from"]
    return found


@router.get(PUBLIC + "/{kreis}")
async def policy_in_force(visit: OfKreis) -> Response:
    """Show the policy in force, what its words mean, and the versions before."""
    today = visit.context.moment().today
    holds = in_force(visit.context.policies, visit.kreis, today)
    if holds.policy is None:
        raise not_found()
    async with web_transaction(visit.context.pool, kreise=[visit.kreis]) as conn:
        versions = await _versions(conn, visit.kreis)
    now = None if holds.holding is None else holds.holding.version
    return visit.page(
        "public-policy.html",
        policy=holds.policy,
        parts=policy_words.parts(visit.say, holds.policy),
        own=holds.holding is not None,
        since=holds.policy.valid_from if holds.holding is None else holds.holding.holds_from,
        decided_on=next((one.decided_on for one in versions if one.id == now), None),
        versions=[one for one in versions if one.id != now],
        past=None,
    )


@router.get(PUBLIC + "/{kreis}/versions/{version}")
async def policy_before(visit: OfKreis, version: UUID) -> Response:
    """Show a version that held before or will hold."""
    async with web_transaction(visit.context.pool, kreise=[visit.kreis]) as conn:
        versions = await _versions(conn, visit.kreis)
        past = next((one for one in versions if one.id == version), None)
        found = await policy_store.version(conn, version)
    policy = _policy_of(found)
    if past is None or policy is None:
        raise not_found()
    return visit.page(
        "public-policy.html",
        policy=policy,
        parts=policy_words.parts(visit.say, policy),
        own=True,
        since=past.begins,
        decided_on=past.decided_on,
        versions=(),
        past=past,
    )


def _policy_of(version: Version | None) -> Policy | None:
    return None if version is None else read(version)


@router.get(PUBLIC + "/{kreis}/draft/{link}")
async def draft(visit: OfKreis, link: UUID) -> Response:
    """Show a draft that was sent out for comment to whoever was given its address."""
    today = visit.context.moment().today
    async with web_transaction(visit.context.pool, kreise=[visit.kreis]) as conn:
        sent = await consultation.of_link(conn, link)
        found = None if sent is None else await policy_store.version(conn, sent.version)
    policy = _policy_of(found)
    if sent is None or found is None or policy is None or found.state not in {"draft", "submitted"}:
        raise not_found()
    holds = in_force(visit.context.policies, visit.kreis, max(found.valid_from, today)).policy
    return visit.page(
        "public-policy-draft.html",
        age=0,
        parts=policy_words.parts(visit.say, policy),
        differences=policy_words.differences(visit.say, holds, policy) if holds else (),
        until=sent.until,
        is_open=sent.is_open(today),
        begins=found.valid_from,
    )
