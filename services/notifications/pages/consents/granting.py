"""Sends consents that were signed on paper, with what proves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self
from uuid import UUID, uuid5

from starlette.requests import Request

from schemas.identity import event_uuid
from schemas.support import ConsentCollected, ConsentGranted
from schemas.topics import Family
from services.notifications.consents import evidence
from services.notifications.consents.evidence import Evidence
from services.notifications.pages.consents.class_form import ClassEntry, Signed
from services.notifications.pages.context import PageContext, slug_of
from services.runtime.http.gateway_client import NotTaken, Taken, Unreachable
from services.runtime.web.pages import web_of
from services.runtime.web.sending import UNREACHABLE
from services.runtime.web.visit.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Papers:
    """What all papers of one entry have in common; `entry` identifies the form that was sent."""

    entry: str
    office: str
    form: str
    language: str
    given_on: date
    paper: str

    @classmethod
    def of(cls, entry_id: str, entry: ClassEntry) -> Self:
        """Return the papers of a form without mistakes.

        Raises:
            ValueError: nobody has read on which day they were signed.
        """
        if entry.given_on is None:
            raise ValueError("papers without a day")
        values = entry.values
        return cls(
            entry_id, values["office"], values["form"], values["language"], entry.given_on, values["paper"]
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """How far an entry has come; who is `left` may be sent again by the same form."""

    taken: int
    refused: Sequence[str] = ()
    left: tuple[Signed, ...] = ()


def granted(papers: Papers, reference: str, one: Signed) -> ConsentGranted:
    """Return what a registering office says of one of its people, by its own reference."""
    return ConsentGranted(
        reference=reference,
        office=papers.office,
        purposes=one.purposes,
        given_on=papers.given_on,
        form=papers.form,
    )


def collected(papers: Papers, course: str, one: Signed) -> ConsentCollected:
    """Return what a school says of somebody in one of its courses, by its own id of the course."""
    return ConsentCollected(
        course=course,
        participant=one.participant,
        office=papers.office,
        purposes=one.purposes,
        given_on=papers.given_on,
        form=papers.form,
    )


def _event_id(papers: Papers, one: Signed) -> str:
    """Return the id of the event of one person: the same paper sent again is the same event."""
    said = f"{one.participant}|{papers.office}|{','.join(one.purposes)}|{papers.given_on}|{papers.form}"
    return str(uuid5(UUID(papers.entry), said))


async def send(
    context: PageContext,
    visitor: Visitor,
    papers: Papers,
    said: Sequence[tuple[Signed, ConsentGranted | ConsentCollected]],
    *,
    language: str,
) -> Sent:
    """Write down the evidence, then send one event for each person, with what was signed.

    Stops where the gateway is not there.
    """
    slug = slug_of(visitor)
    events = [(one, _event_id(papers, one), payload) for one, payload in said]
    async with context.open(visitor) as conn:
        await evidence.add(
            conn,
            [
                Evidence(
                    event_uuid(slug, Family.SUPPORT, event_id),
                    one.participant,
                    visitor.organisation or "",
                    slug,
                    papers.form,
                    papers.language,
                    papers.paper,
                    visitor.key,
                )
                for one, event_id, _ in events
            ],
            context.now(),
        )
    taken, refused = 0, list[str]()
    for number, (_, event_id, payload) in enumerate(events):
        match await context.gateway.send(slug, event_id, payload, language):
            case Taken():
                taken += 1
            case NotTaken(code, messages):
                refused += messages or [code]
            case Unreachable():
                return Sent(taken, refused, tuple(one for one, _, _ in events[number:]))
    return Sent(taken, list(dict.fromkeys(refused)))


def tell(request: Request, entry: ClassEntry, done: Sent, left_out: str) -> None:
    """Say on the next page what was saved and what was not; `left_out` is of who sits there no more."""
    web = web_of(request)
    texts = web.texts(request)
    if done.taken:
        saved = texts.ngettext(
            "The consent of %(num)s person is written down. It can be taken back at any time.",
            "The consents of %(num)s people are written down. Each can be taken back at any time.",
            done.taken,
        )
        web.note(request, "success", saved)
    for message in done.refused:
        web.note(request, "danger", message)
    if entry.left_out:
        web.note(request, "warning", texts.plain(left_out))
    if done.left:
        web.note(request, "warning", texts.plain(UNREACHABLE))
