"""Puts the steering side together; the only wiring."""

import asyncio
import os
import sys
from functools import partial

from services.accounts.app import create_accounts
from services.accounts.retention import Retention as AccountsRetention
from services.accounts.settings import AccountSettings
from services.allocation.acts.placements import Placements
from services.allocation.acts.statements import Statements
from services.allocation.acts.timers import PlacementTimers
from services.allocation.console.app import create_console
from services.allocation.consumer import subscriptions
from services.allocation.erasure.expiry import Expiry
from services.allocation.erasure.worker import ErasureWorker
from services.allocation.extension import extension_of
from services.allocation.figures.counting import COUNTED_BY, EXTENDED_BY, K
from services.allocation.figures.measures import MeasureTeller
from services.allocation.figures.metrics import CompletionMetrics
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import REFRESH_SECONDS, CurrentPolicies, of_installation
from services.allocation.policy.terms import PolicyTerms
from services.allocation.status import AllocationStatus
from services.allocation.steering.questions.material import snapshot_source
from services.allocation.steering.questions.runner import Analyses
from services.allocation.steering.questions.worker import KINDS, Process
from services.allocation.steering.runs.retention import Retention
from services.allocation.steering.runs.service import Steering
from services.allocation.steering.runs.worker import Worker, Workers
from services.places import current
from services.places.current import CurrentPlaces
from services.runtime.base.settings import ALL_ROLES, ServiceSettings
from services.runtime.bookkeeping.publications import FiguresPublisher
from services.runtime.http.gateway_client import gateway_of
from services.runtime.serve.published import PublishedMetrics
from services.runtime.serve.service import Resources, ServiceDefinition, Timer, run
from services.texts.figures import STEERING

SOLVE_WITHIN_SECONDS = 60.0


async def compose(resources: Resources) -> ServiceDefinition:
    """Build the service from what the runtime has opened."""
    settings = resources.settings
    extension = extension_of(settings)
    policies, rulebook = CurrentPolicies(of_installation(settings), resources.worker), load_rulebook()
    await policies.refreshed()
    places = CurrentPlaces(resources.worker)
    await places.refreshed()
    terms = PolicyTerms(policies, rulebook)
    placements = Placements(settings.prefix, terms)
    timers = PlacementTimers(resources.worker, placements)
    solver = Worker()
    solvers = Workers([solver], SOLVE_WITHIN_SECONDS)
    steering = Steering(resources.worker, solvers, placements, policies, rulebook, settings.prefix)
    kinds = {**KINDS, **extension.kinds}
    source = snapshot_source(policies, rulebook)
    analyses = Analyses(resources.worker, Process(), source, kinds, resources.clock)
    erasures = ErasureWorker(resources.worker, settings.identity_key, settings.prefix, terms)
    expiry = Expiry.registered(resources.worker, settings.identity_key, settings.prefix)
    figures = FiguresPublisher(resources.worker, STEERING, COUNTED_BY, K, extended_by=EXTENDED_BY)
    status = AllocationStatus(terms, steering.due)
    own = AccountSettings.from_env(os.environ)
    accounts = AccountsRetention(resources.worker, own)
    return ServiceDefinition(
        subscriptions=subscriptions(settings.prefix, terms, settings.identity_key),
        timers=(
            Timer("expire", 0.2, timers.expire),
            Timer("start", 0.2, timers.start),
            Timer("complete", 30.0, timers.complete),
            Timer("advance", 15.0, timers.advance),
            Timer("lift", 1.0, timers.lift),
            Timer("state", 60.0, Statements(resources.worker, placements).tell_rest),
            Timer("steer", 0.2, steering.run_due),
            Timer("questions", 0.5, analyses.run_waiting),
            Timer("erase", 0.5, erasures.work_off),
            Timer("erase expired", 3600.0, expiry.erase_expired),
            Timer("erase again", 600.0, erasures.erase_again),
            Timer("figures", 0.5, figures.publish),
            Timer("measures", 5.0, MeasureTeller(resources.worker, settings.prefix).tell),
            Timer("published", 15.0, PublishedMetrics(resources.registry, resources.worker).refresh),
            Timer(
                "completion metrics", 15.0, CompletionMetrics(resources.registry, resources.worker).refresh
            ),
            Timer("forget", 3600.0, Retention(resources.worker, policies).forget),
            Timer("forget accounts", 3600.0, accounts.forget),
        ),
        everywhere=(
            Timer("policies", REFRESH_SECONDS, policies.refreshed),
            Timer("places", current.REFRESH_SECONDS, places.refreshed),
        ),
        web=create_console(
            resources,
            placements,
            rulebook,
            policies,
            extension,
            sign_in=create_accounts(resources, own),
            places=places,
            gateway=gateway_of(settings),
        )
        if "web" in settings.roles
        else None,
        status=status,
        due=status.due,
        tasks=(("solver", partial(_stopped_at_the_end, solver)),) if "timers" in settings.roles else (),
    )


async def _stopped_at_the_end(solver: Worker) -> None:
    """Leave the solving process alone until the service stops."""
    try:
        await solver.start()  # before the first run needs it
        await asyncio.Event().wait()
    finally:
        await solver.stop()


def main(roles: frozenset[str] = ALL_ROLES) -> int:
    """Run the service; return its exit status."""
    return run(ServiceSettings.from_env("allocation", os.environ, roles), compose)


if __name__ == "__main__":
    sys.exit(main())
