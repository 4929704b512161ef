"""Puts the console together: pages, JSON twin, people, menu."""

from pathlib import Path

from fastapi import FastAPI

from services.allocation.acts.placements import Placements
from services.allocation.console import lists
from services.allocation.console.context.page import Console
from services.allocation.console.context.persons import HOMES, MENU, PERSONS
from services.allocation.console.courses import page as course_page
from services.allocation.console.courses import provider
from services.allocation.console.people import rulings as overrides
from services.allocation.console.people import rulings_api as overrides_api
from services.allocation.console.people import why
from services.allocation.console.people.objections import RulesOfSteering
from services.allocation.console.policy import api as policy_api
from services.allocation.console.policy import pages as policy
from services.allocation.console.policy import travel as policy_travel
from services.allocation.console.policy import trial as policy_trial
from services.allocation.console.policy import versions as policy_versions
from services.allocation.console.proposals import api, authority, decisions
from services.allocation.console.questions import api as analysis_api
from services.allocation.console.questions import comparison as foresight
from services.allocation.console.questions import forecasts
from services.allocation.console.questions import suggestions as analysis_pages
from services.allocation.console.questions import what_if as analysis
from services.allocation.law.rulebook import RuleBook
from services.allocation.policy.current import PolicyBook
from services.allocation.policy.domain import load_policies
from services.runtime.base.settings import need
from services.runtime.serve.service import Resources
from services.runtime.web.app import create_app
from services.runtime.web.languages import msgid
from services.runtime.web.pages import Site
from services.texts.filters import LOCALE, field_filters

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
        locales=(LOCALE, HERE.parent / "locale"),
        filters=field_filters,
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
