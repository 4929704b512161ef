"""Puts the sign-in of a service together: its pages, its issuers, in a demo the invented people."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.accounts.context import Accounts, IssuerLink
from services.accounts.demo import pages as demo
from services.accounts.domain import Kind, Side, roles_of
from services.accounts.issuer_door import IssuerDoor
from services.accounts.metrics import SignInMetrics
from services.accounts.oidc.door import IssuerSession
from services.accounts.oidc.fetching import new_client
from services.accounts.oidc.issuers import Issuer
from services.accounts.oidc.issuers_file import SETTING, IssuersError, read_issuers
from services.accounts.oidc.pages import Oidc
from services.accounts.pages import (
    account,
    api_keys,
    invitation,
    organisation,
    organisations,
    publishers,
    sign_in,
)
from services.accounts.passwords import Passwords
from services.accounts.sealing import Sealing
from services.accounts.settings import AccountSettings
from services.runtime.base.settings import SettingsError, need
from services.runtime.http.gateway_administration import administration_of
from services.runtime.serve.service import Resources

_EVERYWHERE = (sign_in.router, invitation.router, account.router, organisation.router)
PAGES: Mapping[Side, Sequence[APIRouter]] = {
    Side.STEERING: (*_EVERYWHERE, publishers.router, api_keys.router),
    Side.SUPPORT: (*_EVERYWHERE, organisations.router),
}
"""The pages of every installation, by side."""
_HERE = Path(__file__).resolve().parent


def create_accounts(
    resources: Resources, own: AccountSettings | None = None, *, env: Mapping[str, str] = os.environ
) -> Accounts:
    """Build the sign-in of the service that the resources are opened for; invented people in a demo only.

    `own` are the settings of sign-in, if they have been read already.

    Raises:
        SettingsError: a setting, or the file of issuers, cannot be used.
    """
    settings, own = resources.settings, own or AccountSettings.from_env(env)
    side, secret = Side(settings.service), need(settings.web_secret, "KURSLOTSE_WEB_SECRET")
    accounts = Accounts(
        side=side,
        pool=resources.web,
        settings=own,
        sealing=Sealing(secret),
        passwords=Passwords(own.argon2),
        metrics=SignInMetrics.on(resources.registry),
        public_url=settings.public_url or "",
        administration=administration_of(settings)
        if side is Side.STEERING and settings.gateway_key
        else None,
        demo=settings.demo,
        routers=(*PAGES[side], *((demo.router,) if settings.demo else ())),
    )
    if env.get(SETTING):
        roles = {role.value for kind in Kind for role in roles_of(side, kind)}
        try:
            issuers = read_issuers(Path(env[SETTING]), env, roles)
        except IssuersError as error:
            raise SettingsError(str(error)) from None
        add_issuers(accounts, issuers, secret)
    return accounts


def add_issuers(accounts: Accounts, issuers: Mapping[str, Issuer], secret: str) -> None:
    """Let people sign in at these issuers, too; the address of the service has to be known."""
    door = IssuerDoor(accounts, IssuerSession)
    oidc = Oidc(
        issuers,
        door,
        service=accounts.side.value,
        secret=secret,
        public_url=need(accounts.public_url, "KURSLOTSE_PUBLIC_URL"),
        client=new_client(),
    )
    made = oidc.routers()

    async def sign_out(request: Request) -> Callable[[], Awaitable[Response | None]] | None:
        session = await door.current(request)
        return None if session is None else lambda: oidc.signed_out(request, session)

    accounts.issuers = [IssuerLink(one.names, f"/sign-in/oidc/{key}") for key, one in issuers.items()]
    accounts.issuer_sign_out = sign_out
    accounts.routers = (*accounts.routers, made.pages)
    accounts.doors = (*accounts.doors, made.doors)
    accounts.templates = (*accounts.templates, _HERE / "oidc" / "templates")
    accounts.locales = (*accounts.locales, _HERE / "oidc" / "locale")
