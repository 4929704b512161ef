"""Gives every page and API function of the console its `Visit`: who asks, when, and how to act and answer."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import UUID

import asyncpg
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from schemas.days import local_day
from services.allocation.acts.overrides import Answer, Overrides
from services.allocation.acts.placements import Placements
from services.allocation.console.context.menu import AUDITOR, COORDINATORS, PROVIDER
from services.allocation.console.lists.choices import choices_of
from services.allocation.console.lists.listing import Asked, Listing
from services.allocation.courses.minimums import Minimums
from services.allocation.figures.today import Day
from services.allocation.law.rulebook import RuleBook, Rules
from services.allocation.participants.waiting import Entitlements
from services.allocation.placements.results import DecidedBy, NotDone, Result
from services.allocation.policy.current import CurrentPolicies
from services.places.current import CurrentPlaces
from services.places.lookup import Places
from services.runtime.base.clock import Clock
from services.runtime.data.collisions import repeated
from services.runtime.data.db import web_transaction
from services.runtime.http.gateway_client import GatewayClient
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import Web, web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor
from services.texts.codes import word
from services.texts.reasons import refusal

UNKNOWN = msgid(
    "“%(value)s” is not known for “%(label)s”. Please open the list, choose the filters there and save it"
    " again."
)
_ROOM = 1_500
"""Characters of all names in the messages of one answer."""
SOON_DAYS = 28
"""The four weeks ahead that the first page speaks of."""
P = ParamSpec("P")
T = TypeVar("T")
Act = Callable[Concatenate[asyncpg.Connection, DecidedBy, P], Awaitable[T]]
"""An act of services.allocation.acts: it runs in the caller's transaction and says who decided."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Business time of a page: now, the day, the last day of the four weeks ahead, the rules of the day."""

    now: datetime
    today: date
    soon: date
    entitlements: Entitlements
    rules: Rules


class RulesAgainst(Protocol):
    """Returns the codes of the hard rules that speak against somebody in a course."""

    async def __call__(
        self, conn: asyncpg.Connection, participant: UUID, course: UUID, section: int, now: datetime, /
    ) -> Sequence[str]:
        """Return the rules that fail, the most telling first."""
        ...

    async def of_each(
        self, conn: asyncpg.Connection, participant: UUID, courses: Sequence[UUID], now: datetime, /
    ) -> Mapping[tuple[UUID, int], Sequence[str]]:
        """Return the same for each section of some courses, by course and section."""
        ...


@dataclass(frozen=True, slots=True)
class ConsoleContext:
    """What the console of this process works with."""

    pool: asyncpg.Pool
    clock: Clock
    placements: Placements
    rulebook: RuleBook
    policies: CurrentPolicies
    rules_against: RulesAgainst
    places: CurrentPlaces = field(default_factory=CurrentPlaces)
    gateway: GatewayClient | None = None
    """Takes what providers enter; None: nothing can be sent."""

    @property
    def overrides(self) -> Overrides:
        """Rulings about people and courses."""
        return Overrides(self.placements)

    def moment(self) -> Moment:
        """Read the clock once for a page."""
        now = self.clock.now()
        today = local_day(now)
        rules = self.rulebook.on(today)
        return Moment(now, today, today + timedelta(days=SOON_DAYS), Entitlements.of(rules), rules)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to the console by somebody who is signed in."""

    request: Request
    context: ConsoleContext
    visitor: Visitor

    @property
    def web(self) -> Web:
        """The page tools."""
        return web_of(self.request)

    @property
    def texts(self) -> Texts:
        """The visitor's language."""
        return self.web.texts(self.request)

    @property
    def places(self) -> Places:
        """The directory of towns."""
        return self.context.places.now

    def place(self, ags: str) -> str:
        """Return the name of a town or Kreis, its key if it has none."""
        return self.places.name(ags) or ags

    @property
    def kreis(self) -> str:
        """The Kreis of the page: the one asked for if it is one of the visitor's, else the first."""
        asked = self.request.query_params.get("kreis", "")
        if not self.visitor.kreise:
            raise not_found()
        return asked if asked in self.visitor.kreise else self.visitor.kreise[0]

    @property
    def page_number(self) -> int:
        """The page of a list that is asked for, 1 if the number makes no sense."""
        text = self.request.query_params.get("page", "1")
        return max(1, min(int(text), 10_000)) if text.isdecimal() and len(text) < 6 else 1  # noqa: PLR2004

    def moment(self) -> Moment:
        """Read the clock once for this page."""
        return self.context.moment()

    def day(self, moment: Moment) -> Day:
        """Return what the figures of a moment depend on, for the visitor's Kreise."""
        policies = self.context.policies
        minimums = Minimums.of(
            self.visitor.kreise, lambda kreis: policies.on(kreis, moment.today), moment.rules
        )
        return Day(moment.entitlements, minimums, moment.soon)

    def open(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Begin a transaction that sees the visitor's Kreise only."""
        visitor = self.visitor
        return web_transaction(self.context.pool, kreise=visitor.kreise, person=visitor.key)

    async def act(self, note: str | None, act: Act[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Act in a transaction of its own, in the visitor's name; `note` is the reason that was written.

        Two people who act on the same course at once are no error: the act is tried again.
        """
        by = DecidedBy(self.visitor.key, self.context.clock.now(), note)
        return await repeated(self.open, lambda conn: act(conn, by, *args, **kwargs))

    async def act_on_each(
        self,
        note: str | None,
        act: Act[Concatenate[UUID, P], T],
        ids: Sequence[UUID],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> list[T]:
        """Act on each by itself, for one reason: one that fails stops no other."""
        return [await self.act(note, act, id_, *args, **kwargs) for id_ in ids]

    async def asked(self, conn: asyncpg.Connection, listing: Listing, provider: str | None = None) -> Asked:
        """Read what the address asks of a list; `provider`: of one's own courses."""
        choices = await choices_of(conn, self.texts, self.place, provider)
        return listing.asked(self.request.query_params, choices)

    async def asked_of_file(self, conn: asyncpg.Connection, listing: Listing) -> Asked:
        """Read what the address asks of a file with a list.

        Raises:
            PageError: 422, something is asked that nobody knows: a file would not show that it holds more.
        """
        asked = await self.asked(conn, listing)
        for label, value in asked.refused:
            raise PageError(422, "filter_unknown", UNKNOWN, value=value, label=self.texts.plain(label))
        return asked

    def actor(self, actor: str, names: dict[str, str] | None = None) -> str:
        """Return who somebody in the history is: a person, a publisher, a run, a date.

        `names` are the publishers' names by slug.
        """
        kind, colon, slug = actor.partition(":")
        if colon:
            return (names or {}).get(slug, slug)
        return self.web.sign_in.name_of(actor) or word(self.texts, kind, "actor")

    def page(self, template: str, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - the template's
        """Answer with a page."""
        return self.web.page(self.request, template, status, **values)

    def answer(self, result: Result | Answer, address: str, done: str) -> Response:
        """Go on to a page, with what came of a form: `done`, or why nothing was changed."""
        if isinstance(result, NotDone):
            self.warn_of([result])
            return self.web.back(self.request, address)
        return self.web.back(self.request, address, "success", done)

    def told(self, wrong: Mapping[str, str]) -> Mapping[str, str]:
        """Translate mistakes (field -> msgid); nothing is wrong with any other field."""
        return defaultdict(str, {field: self.texts.plain(text) for field, text in wrong.items()})

    def warn_of(self, results: Sequence[Result | Answer], names: Sequence[str] = ()) -> int:
        """Tell on the next page why some acts were not done, and for which; return how many were done.

        `names`: what was acted on, in the same order. The message is kept in a cookie, which is small.
        """
        failed: dict[str, list[str]] = {}
        for at, result in enumerate(results):
            if isinstance(result, NotDone):
                failed.setdefault(result.refusal.code, []).extend(names[at : at + 1])
        for code, whom in sorted(failed.items()):
            self.web.note(self.request, "warning", self._told(refusal(self.texts, code), whom, len(failed)))
        return sum(not isinstance(result, NotDone) for result in results)

    def _told(self, why: str, whom: Sequence[str], messages: int) -> str:
        """Say why something was not done for whom, as far as there is room."""
        if not whom:
            return why
        room, said = _ROOM // messages, list[str]()
        for name in whom:
            room -= len(name) + 2
            if room < 0:
                break
            said.append(name)
        told = self.texts.gettext("%(why)s Not done for: %(names)s.", why=why, names=", ".join(said))
        more = len(whom) - len(said)
        return (
            f"{told} {self.texts.ngettext('And %(num)s more.', 'And %(num)s more.', more)}" if more else told
        )


def context_of(request: Request) -> ConsoleContext:
    """Return the console of this application."""
    context = request.app.state.console
    assert isinstance(context, ConsoleContext)  # noqa: S101 - set by create_console
    return context


def _of_coordinator(
    request: Request,
    context: Annotated[ConsoleContext, Depends(context_of)],
    visitor: Annotated[Visitor, Depends(signed_in(*COORDINATORS, reading=(AUDITOR,)))],
) -> Visit:
    return Visit(request, context, visitor)


def _of_provider(
    request: Request,
    context: Annotated[ConsoleContext, Depends(context_of)],
    visitor: Annotated[Visitor, Depends(signed_in(PROVIDER))],
) -> Visit:
    return Visit(request, context, visitor)


CoordinatorVisit = Annotated[Visit, Depends(_of_coordinator)]
ProviderVisit = Annotated[Visit, Depends(_of_provider)]
Context = Annotated[ConsoleContext, Depends(context_of)]
