"""Puts the console together: pages, JSON API, people, menu."""

from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.accounts.app import create_accounts
from services.allocation.acts.placements import Placements
from services.allocation.console.context.menu import (
    AUDITOR,
    COORDINATORS,
    DATA_PROTECTION,
    HOMES,
    OPERATOR,
    menu_with,
    sections_with,
)
from services.allocation.console.context.visit import ConsoleContext
from services.allocation.console.courses import api as courses_api
from services.allocation.console.courses import balance, provider, provider_forms
from services.allocation.console.courses import pages as courses
from services.allocation.console.figures import conference, meaning, needs, outcomes, sources
from services.allocation.console.people import api as people_api
from services.allocation.console.people import expired, person, remedies, search, waiting, why
from services.allocation.console.people.objections import RulesOfSteering
from services.allocation.console.policy import api as policy_api
from services.allocation.console.policy import pages as policy
from services.allocation.console.policy import plain as policy_plain
from services.allocation.console.policy import travel as policy_travel
from services.allocation.console.policy import versions as policy_versions
from services.allocation.console.policy.discussion import comments as policy_comments
from services.allocation.console.policy.discussion import public as policy_public
from services.allocation.console.policy.forms import pages as policy_forms
from services.allocation.console.proposals import api as proposals_api
from services.allocation.console.proposals import bamf
from services.allocation.console.proposals import pages as proposals
from services.allocation.console.questions import api as questions_api
from services.allocation.console.questions import forecasts, policy_trial, saved, suggestions, what_if
from services.allocation.console.runs import pages as runs
from services.allocation.console.today import first_day, towns
from services.allocation.console.today import pages as today
from services.allocation.extension import Extension
from services.allocation.law.rulebook import RuleBook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.places.current import CurrentPlaces
from services.places.upload import LOCALE as PLACES_LOCALE
from services.places.upload import TEMPLATES as TOWNS_TEMPLATES
from services.places.upload.pages import TownsPages
from services.runtime.base.settings import need
from services.runtime.http.gateway_client import GatewayClient
from services.runtime.serve.service import Resources
from services.runtime.web.app import create_app
from services.runtime.web.languages import msgid
from services.runtime.web.oversight.operation import operation_router
from services.runtime.web.oversight.retention import retention_router
from services.runtime.web.pages import Site
from services.runtime.web.visit.visitors import SignIn
from services.texts.filters import LOCALE, TEMPLATES, field_filters

NOTHING_ADDED = Extension()
REGISTRIES = ("allocation", "accounts", "places", "runtime")
"""What this side keeps is said there (services/*/retention.yaml)."""
HERE = Path(__file__).resolve().parent


def create_console(
    resources: Resources,
    placements: Placements,
    rulebook: RuleBook,
    policies: CurrentPolicies | None = None,
    extension: Extension = NOTHING_ADDED,
    *,
    sign_in: SignIn | None = None,
    places: CurrentPlaces | None = None,
    gateway: GatewayClient | None = None,
) -> FastAPI:
    """Build the console's application; without policies, the packaged one holds.

    Without a gateway, providers' forms answer that nothing can be sent; without `sign_in`, one is made by the
    environment.
    """
    places = places or CurrentPlaces()
    settings = resources.settings
    site = Site(
        service="allocation",
        title=msgid("Kurslotse coordination"),
        templates=(HERE / "templates", *extension.templates, TEMPLATES, TOWNS_TEMPLATES),
        locales=(LOCALE, PLACES_LOCALE, HERE.parent / "locale", *extension.locales),
        filters=partial(field_filters, places=places),
        menu=menu_with(extension.menu),
        sections=sections_with(extension.menu),
        search=dict.fromkeys((*COORDINATORS, AUDITOR), "/search"),
        homes=HOMES,
        demo=settings.demo,
        neighbour=settings.demo_neighbour,
        secure=(settings.public_url or "").startswith("https://"),
    )
    routers = (
        *extension.routers,  # first: `/questions/{kind}` would take its addresses
        today.router,
        first_day.router,
        towns.router,
        waiting.router,
        expired.router,
        why.router,
        search.router,
        remedies.router,
        person.router,
        courses.router,
        balance.router,
        provider_forms.router,  # first: `/provider/courses/{course_id}` would take its addresses
        provider.router,
        proposals.router,
        bamf.router,
        outcomes.router,
        conference.router,
        sources.router,
        meaning.router,
        needs.router,
        runs.router,
        policy.router,
        policy_forms.router,
        policy_comments.router,
        policy_public.router,
        policy_plain.router,
        policy_api.router,
        policy_travel.router,
        policy_trial.router,
        policy_versions.router,
        saved.router,  # first: /what-if/compare is nobody's id
        what_if.router,
        suggestions.router,
        forecasts.router,
        today.api,
        people_api.router,
        expired.api,
        courses_api.router,
        proposals_api.router,
        questions_api.router,
        retention_router(REGISTRIES, DATA_PROTECTION, reading=(AUDITOR,)),
        operation_router(resources.worker, resources.clock, OPERATOR, reading=(AUDITOR,)),
    )
    secret = need(settings.web_secret, "KURSLOTSE_WEB_SECRET")
    app = create_app(site, secret, sign_in or create_accounts(resources), pages=routers)
    app.state.towns = TownsPages(resources.worker, resources.clock, places, towns.ToGateway(gateway))
    app.state.public_asked = policy_public.asked_so_far()
    policies = policies or CurrentPolicies(load_policies())
    app.state.console = ConsoleContext(
        pool=resources.web,
        clock=resources.clock,
        placements=placements,
        rulebook=rulebook,
        policies=policies,
        rules_against=RulesOfSteering(policies, rulebook),
        places=places,
        gateway=gateway,
    )
    return app
