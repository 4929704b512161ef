"""Serves the pages on which the head of an office sees and changes the parameters of the risk rules."""

import hmac
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.days import add_days
from services.notifications.offices import own_store
from services.notifications.pages.context import Context, PageContext, TeamLead, slug_of
from services.notifications.pages.risk_rules import form, words
from services.notifications.pages.risk_rules.words import FIELDS, SECTIONS, Unit
from services.notifications.pages.roles import AUDITOR, TEAM_LEAD
from services.notifications.risk import parameters_store
from services.notifications.risk.evaluate import history_store
from services.notifications.risk.evaluate.apart import TooMuchError
from services.notifications.risk.evaluate.daily import DAYS
from services.notifications.risk.evaluate.replay import Score
from services.notifications.risk.parameters import Parameters, RiskRuleBook
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import Texts
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/inbox/rules", include_in_schema=False)
Reader = Annotated[Visitor, Depends(signed_in(TEAM_LEAD, reading=(AUDITOR,)))]
FEWEST = 20
"""With fewer enrolments a percentage says nothing."""
_TRIED_ON = 1_000
_CHANGES = 50


@dataclass(frozen=True, slots=True)
class OwnRules:
    """The visitor's office with the versions that it has decided."""

    slug: str
    name: str
    organisation: str
    rows: Sequence[asyncpg.Record]
    book: RiskRuleBook

    @property
    def latest(self) -> str:
        """The number of the version that was decided last; 0: none was."""
        return str(self.rows[-1]["version"]) if self.rows else "0"


async def own_rules(conn: asyncpg.Connection, context: PageContext, visitor: Visitor) -> OwnRules:
    """Return what the visitor's own counselling office has decided.

    Raises:
        PageError: the visitor speaks for no office of a counselling organisation.
    """
    row = await own_store.office(conn, slug_of(visitor))
    if row is None or row["organisation"] != visitor.organisation or not await own_store.may_keep(conn):
        raise not_found()
    rows = await parameters_store.decided(conn, row["slug"])
    versions = [
        parameters_store.version_of(one["valid_from"], one["parameters"], context.rules) for one in rows
    ]
    book = RiskRuleBook(versions, context.rules)
    return OwnRules(row["slug"], row["name"], row["organisation"], rows, book)


@router.get("")
async def listed(request: Request, context: Context, visitor: Reader) -> Response:
    """Show the parameters in force: each with what it does, since when, by whom and why."""
    web, today = web_of(request), context.today()
    texts = web.texts(request)
    async with context.open(visitor) as conn:
        own = await own_rules(conn, context, visitor)
    now, usual = own.book.rules_on(today).parameters, context.rules.rules_on(today).parameters
    ordered = sorted(own.rows, key=lambda row: (row["valid_from"], row["version"]))
    in_force = [row for row in ordered if row["valid_from"] <= today]
    return web.page(
        request,
        "risk-rules.html",
        office=own.name,
        row=in_force[-1] if in_force else None,
        planned=_planned(ordered, today),
        sections=[
            (
                part,
                [(one, _shown(texts, one.name, now), _shown(texts, one.name, usual)) for one in part.fields],
            )
            for part in SECTIONS
        ],
        differs={name for name, _, _ in form.changes_of(usual, now)},
        changes=_changes(texts, own, context.rules)[:_CHANGES],
        who=lambda key: web.sign_in.name_of(key) or key,
        keeps=not request.state.reads_only,
    )


def _planned(ordered: Sequence[asyncpg.Record], today: Any) -> list[asyncpg.Record]:  # noqa: ANN401 - a day
    """Return what comes into force later: of each day the version that was decided last."""
    return list({row["valid_from"]: row for row in ordered if row["valid_from"] > today}.values())


def _shown(texts: Texts, name: str, parameters: Parameters) -> str:
    return form.shown(texts, form.as_entered(name, form.value_of(parameters, name)))


def _changes(
    texts: Texts, own: OwnRules, packaged: RiskRuleBook
) -> list[tuple[Any, list[tuple[str, str, str]]]]:
    """Return each version with what it changed of what would have held on its first day, the latest first."""
    found = []
    for number, row in enumerate(own.rows):
        before = RiskRuleBook(
            [
                parameters_store.version_of(one["valid_from"], one["parameters"], packaged)
                for one in own.rows[:number]
            ],
            packaged,
        )
        version = parameters_store.version_of(row["valid_from"], row["parameters"], packaged)
        day = row["valid_from"]
        after = version.parameters or packaged.rules_on(day).parameters
        changed = [
            (texts.plain(FIELDS[name].says), form.shown(texts, old), form.shown(texts, new))
            for name, old, new in form.changes_of(before.rules_on(day).parameters, after)
        ]
        found.append((row, changed))
    return found[::-1]


@router.get("/change")
async def change(request: Request, context: Context, visitor: Reader) -> Response:
    """Show the form with the values in force; whoever may only read is led to the values."""
    if request.state.reads_only:
        return RedirectResponse("/inbox/rules", 303)
    async with context.open(visitor) as conn:
        own = await own_rules(conn, context, visitor)
    texts, today = web_of(request).texts(request), context.today()
    now = own.book.rules_on(today).parameters
    values = form.values_of(now, texts) | {"valid_from": today.isoformat()}
    return _form_page(request, context, own, form.RulesForm(values))


@router.post("/change")
async def decide(request: Request, context: Context, visitor: TeamLead) -> Response:
    """Try the values on the past; put them in force if just these were tried before."""
    sent, today = await form_of(request), context.today()
    entered = form.read(sent, today)
    async with context.open(visitor) as conn:
        own = await own_rules(conn, context, visitor)
        if entered.version is None:
            return _form_page(request, context, own, entered)
        if str(sent.get("version") or "")[:20] != own.latest:
            return web_of(request).back(request, "/inbox/rules", "danger", words.OUTDATED)
        tried = hmac.compare_digest(str(sent.get("tried") or "").encode(), entered.mark.encode())
        if tried and sent.get("do") == "decide":
            await _put_in_force(conn, own, entered, visitor, context)
            day = web_of(request).texts(request).date(entered.version.valid_from)
            return web_of(request).back(request, "/inbox/rules", "success", words.DECIDED, day=day)
        rows = await history_store.own_rows(conn, since=add_days(today, -DAYS), today=today, most=_TRIED_ON)
    before = own.book.rules_on(today).parameters
    after = entered.version.parameters or context.rules.rules_on(today).parameters
    return _form_page(request, context, own, entered, await _tried(context, rows, before, after))


async def _put_in_force(
    conn: asyncpg.Connection, own: OwnRules, entered: form.RulesForm, visitor: Visitor, context: PageContext
) -> None:
    assert entered.version is not None  # noqa: S101 - the caller has looked
    await parameters_store.decide(
        conn,
        office=own.slug,
        organisation=own.organisation,
        version=entered.version,
        reason=entered.reason,
        by=visitor.key,
        now=context.now(),
    )
    if entered.version.valid_from == context.today():
        await parameters_store.reconsider_own(conn)


@dataclass(frozen=True, slots=True)
class Trial:
    """What the rules did in the past, with the parameters in force and with those entered; None: too slow."""

    before: Score | None
    after: Score | None
    changed: bool
    """Whether anything was changed of what can be tried on the past."""


async def _tried(
    context: PageContext, rows: history_store.Rows, before: Parameters, after: Parameters
) -> Trial:
    changed = before.attendance_rules() != after.attendance_rules()
    try:
        old, new = await context.evaluator.scores(rows, [before, after])
    except TooMuchError:
        return Trial(None, None, changed)
    return Trial(old, new, changed)


def _form_page(
    request: Request,
    context: PageContext,
    own: OwnRules,
    entered: form.RulesForm,
    trial: Trial | None = None,
) -> Response:
    web = web_of(request)
    texts = web.texts(request)
    usual = context.rules.rules_on(context.today()).parameters
    values: Mapping[str, str] = defaultdict(str, entered.values)
    return web.page(
        request,
        "risk-rules-change.html",
        422 if entered.errors else 200,
        office=own.name,
        version=own.latest,
        sections=SECTIONS,
        values=values,
        errors=defaultdict(str, entered.told(texts)),
        hint=lambda one: _hint(texts, one, usual),
        flag=Unit.FLAG,
        trial=trial,
        tried=entered.mark if trial else "",
        fewest=FEWEST,
        most=_TRIED_ON,
    )


def _hint(texts: Texts, one: words.Field, usual: Parameters) -> str:
    low, high = form.bounds(one.name)
    return texts.gettext(
        words.BETWEEN,
        low=form.shown(texts, low),
        high=form.shown(texts, high),
        usual=_shown(texts, one.name, usual),
    )
