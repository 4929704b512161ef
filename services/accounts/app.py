"""Puts the sign-in of a service together."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import httpx
from fastapi import APIRouter
from starlette.requests import Request

from services.accounts.context import HERE, Accounts, Further, IssuerLink
from services.accounts.demo import pages as demo
from services.accounts.domain import Kind, Side, kinds_of, roles_of
from services.accounts.issuer_door import IssuerDoor
from services.accounts.metrics import SignInMetrics
from services.accounts.oidc.door import IssuerSession
from services.accounts.oidc.fetching import new_client
from services.accounts.oidc.issuers_file import read_issuers
from services.accounts.oidc.pages import Oidc
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
    env: Mapping[str, str] = os.environ,
    client: httpx.AsyncClient | None = None,
) -> Accounts:
    """Build the sign-in of the service that the resources are opened for; invented people in a demo only.

    `client` asks the issuers; without one, it is made here and lives as long as the process.

    Raises:
        SettingsError: a setting is missing or out of bounds.
        IssuersError: the file of issuers has faults.
    """
    settings = resources.settings
    own = AccountSettings.from_env(env)
    accounts = Accounts(
        side=Side(settings.service),
        pool=resources.web,
        settings=own,
        sealing=Sealing(need(settings.web_secret, "KURSLOTSE_WEB_SECRET")),
        passwords=Passwords(own.argon2),
        metrics=SignInMetrics.on(resources.registry),
        public_url=settings.public_url or "",
        demo=settings.demo,
        routers=(*PAGES, *((demo.router,) if settings.demo else ())),
    )
    if own.issuers is not None:
        need(settings.public_url, "KURSLOTSE_PUBLIC_URL")
        _add_issuers(accounts, settings.web_secret, own.issuers, env, client or new_client())
    return accounts


def _add_issuers(
    accounts: Accounts, secret: str, path: Path, env: Mapping[str, str], client: httpx.AsyncClient
) -> None:
    """Let people sign in at the issuers of a file, too."""
    side = accounts.side
    known = {role.value for kind in kinds_of(side) for role in roles_of(side, Kind(kind))}
    issuers = read_issuers(path, env, known)
    door = IssuerDoor(accounts, IssuerSession)
    oidc = Oidc(
        issuers,
        door,
        service=side.value,
        secret=secret,
        public_url=accounts.public_url,
        client=client,
    )

    async def further(request: Request) -> Further | None:
        session = await door.current(request)
        return None if session is None else partial(oidc.signed_out, request, session)

    made = oidc.routers()
    accounts.issuers = [IssuerLink(one.names, f"/sign-in/oidc/{key}") for key, one in issuers.items()]
    accounts.routers = (*accounts.routers, made.pages)
    accounts.doors = (made.doors,)
    accounts.templates = (*accounts.templates, HERE / "oidc" / "templates")
    accounts.locales = (*accounts.locales, HERE / "oidc" / "locale")
    accounts.further_sign_out = further
