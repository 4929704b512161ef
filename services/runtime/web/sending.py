"""Sends what a form says to the gateway as one event, and tells on the next page what came of it."""

from uuid import UUID, uuid4

from starlette.requests import Request

from schemas.base import Payload
from services.runtime.http.gateway_client import GatewayClient, NotTaken, Taken, Unreachable
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError

NOT_TAKEN = msgid("This entry was not taken. Please check it, or open the page again and repeat it.")
UNREACHABLE = msgid("Kurslotse cannot take the entry right now. Please send it again in a few minutes.")


def new_form() -> str:
    """Return the id of a form that is shown; it becomes the id of the event, so that sent twice it is one."""
    return str(uuid4())


def form_id(value: object) -> str:
    """Return the id of a form that was sent.

    Raises:
        PageError: it has none.
    """
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise PageError(
            422, "form_id", "This form is incomplete. Please open the page again and repeat your entry."
        ) from None


async def send_event(
    request: Request, gateway: GatewayClient, publisher: str, *, event_id: str, payload: Payload, done: str
) -> bool:
    """Send an event of a publisher; the next page shows `done`, or what is wrong.

    `event_id` identifies the form: sent twice, it is one event. Returns whether it was taken.
    """
    web = web_of(request)
    texts = web.texts(request)
    match await gateway.send(publisher, event_id, payload, texts.language):
        case Taken():
            web.note(request, "success", texts.plain(done))
            return True
        case NotTaken(_, messages):
            for problem in messages or [texts.plain(NOT_TAKEN)]:
                web.note(request, "danger", problem)
        case Unreachable():
            web.note(request, "warning", texts.plain(UNREACHABLE))
    return False
