"""Puts the sign-in of a service together."""

import os
from collections.abc import Mapping, Sequence

from fastapi import APIRouter

from services.accounts.context import Accounts, IssuerLink
from services.accounts.demo import pages as demo
from services.accounts.domain import Side
from services.accounts.metrics import SignInMetrics
from services.accounts.pages import account, invitation, organisation, sign_in
from services.accounts.passwords import Passwords
from services.accounts.sealing import Sealing
from services.accounts.settings import AccountSettings
from services.runtime.base.settings import need
from services.runtime.serve.service import Resources

PAGES: Sequence[APIRouter] = (sign_in.router, invitation.router, account.router, organisation.router)
"""The pages of every installation."""


def create_accounts(
    resources: Resources,
    *,
    issuers: Sequence[IssuerLink] = (),
    env: Mapping[str, str] = os.environ,
) -> Accounts:
    """Build the sign-in of the service that the resources are opened for; invented people in a demo only."""
    settings = resources.settings
    own = AccountSettings.from_env(env)
    return Accounts(
        side=Side(settings.service),
        pool=resources.web,
        settings=own,
        sealing=Sealing(need(settings.web_secret, "KURSLOTSE_WEB_SECRET")),
        passwords=Passwords(own.argon2),
        metrics=SignInMetrics.on(resources.registry),
        public_url=settings.public_url or "",
        demo=settings.demo,
        issuers=issuers,
        routers=(*PAGES, *((demo.router,) if settings.demo else ())),
    )
