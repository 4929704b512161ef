"""Puts the console together: pages, JSON twin, people, menu."""

from pathlib import Path

from fastapi import FastAPI

from services.allocation.console import (
    analysis,
    analysis_api,
    analysis_pages,
    api,
    authority,
    course_page,
    decisions,
    forecasts,
    foresight,
    lists,
    overrides,
    overrides_api,
    policy,
    policy_api,
    policy_travel,
    policy_trial,
    policy_versions,
    provider,
    why,
)
from services.allocation.console.against import RulesOfSteering
from services.allocation.console.desk import Console
from services.allocation.console.persons import HOMES, MENU, PERSONS
from services.allocation.placements.handlers import Placements
from services.allocation.steering.policy import load_policies
from services.allocation.steering.policy_book import PolicyBook
from services.allocation.steering.rulebook import RuleBook
from services.runtime.service import Resources
from services.runtime.settings import need
from services.runtime.web.app import create_app
from services.runtime.web.languages import msgid
from services.runtime.web.pages import Site

HERE = Path(__file__).resolve().parent


def create_console(
    resources: Resources, placements: Placements, rulebook: RuleBook, policies: PolicyBook | None = None
) -> FastAPI:
    """Build the console's application; without a book of policies, the packaged policy holds."""
    settings = resources.settings
    site = Site(
        service="allocation",
        title=msgid("Kurslotse coordination"),
        templates=HERE / "templates",
        locale=HERE.parent / "locale",
        persons=PERSONS,
        menu=MENU,
        homes=HOMES,
        demo=settings.demo,
        neighbour=settings.demo_neighbour,
        secure=(settings.public_url or "").startswith("https://"),
    )
    routers = (
        lists.router,
        why.router,
        overrides.router,
        course_page.router,
        decisions.router,
        authority.router,
        policy.router,
        policy_api.router,
        policy_travel.router,
        policy_trial.router,
        policy_versions.router,
        analysis.router,
        analysis_pages.router,
        foresight.router,
        forecasts.router,
        provider.router,
        api.router,
        overrides_api.router,
        analysis_api.router,
    )
    app = create_app(site, need(settings.web_secret, "KURSLOTSE_WEB_SECRET"), pages=routers)
    app.state.policies = book = policies or PolicyBook(load_policies())
    against = RulesOfSteering(book, rulebook)
    app.state.console = Console(resources.web, resources.clock, placements, rulebook, against)
    return app
