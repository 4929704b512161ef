"""Serves the page that tells the head of an office what the rules were worth on the office's own data."""

from datetime import timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.pages.context import Context
from services.notifications.pages.inbox import store
from services.notifications.pages.risk_rules.pages import FEWEST, Reader, own_rules
from services.notifications.pages.risk_rules.words import rule_name
from services.notifications.risk.evaluate import daily
from services.notifications.risk.evaluate.replay import ANNOUNCED, HELPS_DAYS, LOOK_BACK, Score
from services.notifications.risk.evaluate.sweep import Worth
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import web_of

router = APIRouter(prefix="/inbox/evaluation", include_in_schema=False)


@router.get("")
async def evaluation(request: Request, context: Context, visitor: Reader) -> Response:
    """Show the latest evaluation, and what the counsellors thought of the notices of the same time."""
    web = web_of(request)
    texts = web.texts(request)
    async with context.open(visitor) as conn:
        own = await own_rules(conn, context, visitor)
        latest = await daily.latest(conn, own.slug)
        since = context.now() - timedelta(days=daily.DAYS)
        verdicts = await store.verdicts(conn, own.organisation, own.slug, since)
    found = None if latest is None else latest.found
    return web.page(
        request,
        "risk-evaluation.html",
        office=own.name,
        day=None if latest is None else latest.day,
        found=found,
        enough=found is not None and found.together.enrolments >= FEWEST,
        fewest=FEWEST,
        most=daily.MOST,
        rows=[] if found is None else _rows(texts, found),
        others=0 if found is None else sum(number for _, number in found.exits.unannounced),
        verdicts=[(rule_name(texts, row["rule"] or ""), row) for row in verdicts],
        helps=HELPS_DAYS,
        look_back=LOOK_BACK,
        announced=ANNOUNCED,
    )


def _rows(texts: Texts, found: Worth) -> list[tuple[str, Score]]:
    rows = [(texts.plain(_TOGETHER), found.together)]
    rows += [(rule_name(texts, rule), scored) for rule, scored in found.each]
    if found.flat_at_equal_load is not None:
        share = round(found.flat_at_equal_load.setting * 100)
        rows.append((texts.gettext(_FLAT, percent=share), found.flat_at_equal_load.score))
    return [*rows, (texts.plain(_ORACLE), found.oracle)]


_TOGETHER = msgid("All rules together")
_FLAT = msgid("For comparison: whoever missed %(percent)s percent so far")
_ORACLE = msgid("The best that is possible")
