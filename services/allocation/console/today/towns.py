"""Lets a Kreis load the directory of towns: into the gateway's database first, then into this service's."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from services.accounts.domain import Role
from services.places.domain import Said
from services.places.upload.pages import ELSEWHERE, create_towns_router
from services.places.upload.store import Upload
from services.runtime.http.gateway_client import GatewayClient, Taken
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor


def _of_kreis(
    visitor: Annotated[Visitor, Depends(signed_in(Role.ADMINISTRATOR.value, Role.OPERATOR.value))],
) -> Visitor:
    """Let people of a Kreis in; a provider's administrator loads nothing for it."""
    if visitor.organisation is not None:
        raise not_found()
    return visitor


router = create_towns_router(_of_kreis)


@dataclass(frozen=True, slots=True)
class ToGateway:
    """Passes a directory on to the gateway, whose file readers need it, too."""

    gateway: GatewayClient | None

    async def __call__(self, upload: Upload, many_end: bool, /) -> Said | None:
        """Return why it was not taken there."""
        if self.gateway is None:
            return ELSEWHERE
        answer = await self.gateway.load_places(
            upload.name, upload.raw, as_of=upload.as_of, many_end=many_end
        )
        return None if isinstance(answer, Taken) else ELSEWHERE
