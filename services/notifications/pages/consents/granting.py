"""Sends consents that were signed on paper, with what proves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid5

from schemas.identity import event_uuid
from schemas.support import ConsentGranted
from schemas.topics import Family
from services.notifications.consents import evidence
from services.notifications.consents.evidence import Evidence
from services.notifications.pages.consents.class_form import Signed
from services.notifications.pages.context import PageContext, slug_of
from services.runtime.http.gateway_client import NotTaken, Taken, Unreachable
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


@dataclass(frozen=True, slots=True)
class Sent:
    """How far an entry has come; who is `left` may be sent again by the same form."""

    taken: int
    refused: Sequence[str] = ()
    left: tuple[Signed, ...] = ()


def grant_of(papers: Papers, reference: str, one: Signed) -> tuple[str, ConsentGranted]:
    """Return the event of one person and its id: the same paper sent again is the same event."""
    granted = ConsentGranted(
        reference=reference,
        office=papers.office,
        purposes=one.purposes,
        given_on=papers.given_on,
        form=papers.form,
    )
    said = f"{one.participant}|{papers.office}|{','.join(one.purposes)}|{papers.given_on}|{papers.form}"
    return str(uuid5(UUID(papers.entry), said)), granted


async def send(
    context: PageContext,
    visitor: Visitor,
    papers: Papers,
    signed: Sequence[tuple[str, Signed]],
    *,
    language: str,
) -> Sent:
    """Write down the evidence, then send one event for each person (reference, what was signed).

    Stops where the gateway is not there.
    """
    slug = slug_of(visitor)
    events = [(one, *grant_of(papers, reference, one)) for reference, one in signed]
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
    for number, (_, event_id, granted) in enumerate(events):
        match await context.gateway.send(slug, event_id, granted, language):
            case Taken():
                taken += 1
            case NotTaken(code, messages):
                refused += messages or [code]
            case Unreachable():
                return Sent(taken, refused, tuple(one for one, _, _ in events[number:]))
    return Sent(taken, list(dict.fromkeys(refused)))
