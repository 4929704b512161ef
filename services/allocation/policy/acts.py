"""Carries out what people do with policies: write, submit, activate, withdraw; each act is audited."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

import asyncpg

from schemas.days import local_day
from services.allocation.law.rulebook import RuleBook
from services.allocation.policy import store
from services.allocation.policy.check import check_own
from services.allocation.policy.domain import Policy
from services.allocation.policy.store import Event, Version
from services.allocation.rerun import request_rerun

PolicyRefusal = Literal[
    "policy_unknown", "policy_changed_meanwhile", "policy_not_a_draft", "policy_not_submitted",
    "policy_not_yours", "policy_second_person", "policy_over", "policy_overtaken",
]  # fmt: skip


class DraftChangedError(Exception):
    """A draft is no longer what somebody began to change; nothing was kept."""

    def __init__(self, draft: Version) -> None:
        super().__init__("the draft has changed meanwhile")
        self.draft = draft


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """The act is done; the version is as it is now."""

    version: Version


@dataclass(frozen=True, slots=True)
class PolicyUnchanged:
    """Nothing was changed, for a reason."""

    code: PolicyRefusal


PolicyResult = PolicyChanged | PolicyUnchanged


async def write(
    conn: asyncpg.Connection,
    kreis: str,
    document: str,
    actor: str,
    now: datetime,
    *,
    book: RuleBook,
    based_on: UUID | None = None,
    seen: bytes | None = None,
    anew: bool = False,
) -> Version:
    """Keep a document as a draft: in one's own draft that it was made from, else as a new one.

    `seen` is the digest of the draft that was opened to be changed (None: no page was); `anew`: never change
    that draft, write a new one.

    Raises:
        DocumentError: the document has mistakes; nothing is kept.
        DraftChangedError: somebody has changed the draft since; nothing is kept.
    """
    policy = check_own(document, kreis, book, today=local_day(now))
    earlier = None if based_on is None else await store.locked(conn, based_on)
    if earlier is not None and earlier.kreis != kreis:
        earlier = None
    if earlier is not None and not anew and seen not in {None, earlier.sha256}:
        raise DraftChangedError(earlier)
    if earlier is not None and not anew and earlier.state == "draft" and earlier.written_by == actor:
        return await _rewrite(conn, earlier, policy, document, now)
    draft = Version(
        id=uuid4(),
        kreis=kreis,
        valid_from=policy.valid_from,
        document=document,
        sha256=store.digest(document),
        state="draft",
        based_on=None if earlier is None else earlier.id,
        written_by=actor,
        written_at=now,
    )
    await store.insert(conn, draft)
    await store.note(conn, kreis, Event(draft.id, "drafted", actor, now, ""))
    return draft


async def _rewrite(
    conn: asyncpg.Connection, draft: Version, policy: Policy, document: str, now: datetime
) -> Version:
    if draft.document == document:
        return draft
    await store.rewrite(conn, draft.id, policy.valid_from, document, now)
    await store.note(conn, draft.kreis, Event(draft.id, "changed", draft.written_by, now, ""))
    return replace(
        draft,
        valid_from=policy.valid_from,
        document=document,
        sha256=store.digest(document),
        written_at=now,
    )


async def submit(conn: asyncpg.Connection, one: UUID, actor: str, now: datetime, reason: str) -> PolicyResult:
    """Hand one's own draft in, with a word to the person who is to decide."""
    draft = await store.locked(conn, one)
    if draft is None:
        return PolicyUnchanged("policy_unknown")
    if draft.state != "draft":
        return PolicyUnchanged("policy_not_a_draft")
    if draft.written_by != actor:
        return PolicyUnchanged("policy_not_yours")
    await store.submit(conn, one, now)
    await store.note(conn, draft.kreis, Event(one, "submitted", actor, now, reason))
    return PolicyChanged(replace(draft, state="submitted", submitted_at=now))


async def activate(
    conn: asyncpg.Connection,
    one: UUID,
    actor: str,
    now: datetime,
    *,
    seen: bytes,
    book: RuleBook,
    reason: str = "",
    instead_of: UUID | Literal["whatever"] | None = "whatever",
) -> PolicyResult:
    """Let a submitted policy hold from its day on, today at the earliest; asks for the Kreis to be steered.

    `seen` is the digest of what the second person has read, `instead_of` the version (None: that of the
    installation's file) with which it was compared. An active policy of the same day is replaced.

    Raises:
        DocumentError: the rule book has changed since; the document is no longer within it.
    """
    version = await store.locked(conn, one)
    refusal = _refusal(version, actor, seen)
    if version is None or refusal is not None:
        return PolicyUnchanged(refusal or "policy_unknown")
    today = local_day(now)
    check_own(version.document, version.kreis, book, today=today)
    holds_from = max(version.valid_from, today)
    await store.lock(conn, version.kreis)
    if instead_of not in {"whatever", await store.holding(conn, version.kreis, holds_from)}:
        return PolicyUnchanged("policy_overtaken")
    earlier = await store.active_of_day(conn, version.kreis, version.valid_from)
    if earlier is not None:
        await store.withdraw(conn, earlier.id, actor, now)
        await store.note(conn, version.kreis, Event(earlier.id, "replaced", actor, now, reason))
    await store.activate(conn, one, actor, now, holds_from)
    await store.note(conn, version.kreis, Event(one, "activated", actor, now, reason))
    await request_rerun(conn, version.kreis, "policy_activated", urgent=False, now=now)
    return PolicyChanged(
        replace(version, state="active", activated_by=actor, activated_at=now, holds_from=holds_from)
    )


def _refusal(version: Version | None, actor: str, seen: bytes) -> PolicyRefusal | None:
    if version is None:
        return "policy_unknown"
    if version.state != "submitted":
        return "policy_not_submitted"
    if version.written_by == actor:
        return "policy_second_person"
    if version.sha256 != seen:
        return "policy_changed_meanwhile"
    return None


async def give_back(
    conn: asyncpg.Connection, one: UUID, actor: str, now: datetime, reason: str
) -> PolicyResult:
    """Send what was handed in back to who wrote it, with a word about what is missing."""
    version = await store.locked(conn, one)
    if version is None:
        return PolicyUnchanged("policy_unknown")
    if version.state != "submitted":
        return PolicyUnchanged("policy_not_submitted")
    if version.written_by == actor:
        return PolicyUnchanged("policy_second_person")
    await store.give_back(conn, one)
    await store.note(conn, version.kreis, Event(one, "returned", actor, now, reason))
    return PolicyChanged(replace(version, state="draft", submitted_at=None))


async def withdraw(
    conn: asyncpg.Connection, one: UUID, actor: str, now: datetime, reason: str
) -> PolicyResult:
    """End a version: a draft by its writer; what is handed in or active by any coordinator, with a reason.

    What held before an active one holds again, so the Kreis is steered again.
    """
    version = await store.locked(conn, one)
    if version is None:
        return PolicyUnchanged("policy_unknown")
    if version.state == "withdrawn":
        return PolicyUnchanged("policy_over")
    if version.state == "draft" and version.written_by != actor:
        return PolicyUnchanged("policy_not_yours")
    await store.withdraw(conn, one, actor, now)
    await store.note(conn, version.kreis, Event(one, "withdrawn", actor, now, reason))
    if version.state == "active":
        await request_rerun(conn, version.kreis, "policy_withdrawn", urgent=False, now=now)
    return PolicyChanged(replace(version, state="withdrawn", withdrawn_by=actor, withdrawn_at=now))
