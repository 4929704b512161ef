"""Shows the balance of fill between providers, and what of their records was refused or waits."""

from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import course_store
from services.allocation.console.context.visit import CoordinatorVisit
from services.allocation.console.lists.choices import TYPE, VENUE
from services.allocation.console.lists.listing import Listing, ordered
from services.allocation.figures.named import NAMED
from services.allocation.figures.today import seats_by_provider
from services.runtime.web.languages import msgid

router = APIRouter(include_in_schema=False)
_ORDERS = {
    "provider": "name",
    "courses": "courses",
    "taken": "taken",
    "share": "sum(f.section_taken)::numeric / nullif(sum(f.section_capacity), 0)",
    "free": "free",
}
PROVIDERS = Listing(
    "/providers",
    (TYPE, VENUE),
    {
        "provider": msgid("Provider"),
        "courses": msgid("Courses"),
        "taken": msgid("Seats taken"),
        "share": msgid("In per cent"),
        "free": msgid("Free seats"),
    },
    msgid("in the order of their names"),
)


@router.get("/providers")
async def providers(visit: CoordinatorVisit) -> Response:
    """Show the balance of fill between providers and what of their records was refused or waits."""
    moment = visit.moment()
    async with visit.open() as conn:
        asked = await visit.asked(conn, PROVIDERS)
        balance = await seats_by_provider(
            conn,
            visit.day(moment),
            course_type=asked["type"],
            town=asked["town"],
            order=ordered(_ORDERS, asked.sort, "name, f.provider"),
        )
        findings = await course_store.findings(conn)
    return visit.page(
        "providers.html", asked=asked, balance=balance, findings=findings, moment=moment, named=NAMED
    )
