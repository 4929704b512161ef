"""Serves the page on which an operator or administrator tests whether mails go out."""

import math
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.delivery import mail_test
from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.notifications.mailboxes import MailboxError
from services.notifications.pages.context import Context, PageContext
from services.notifications.pages.roles import ADMINISTRATOR, OPERATOR
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/mail", include_in_schema=False)
Tester = Annotated[Visitor, Depends(signed_in(OPERATOR, ADMINISTRATOR))]
ACCEPTED = msgid("The mail server has accepted the test mail. Please look whether it arrives.")
SAID: Mapping[str, str] = {
    mail_test.ACCEPTED: ACCEPTED,
    Fault.SERVER_UNREACHABLE: msgid("The mail server cannot be reached. Please check its name and port."),
    Fault.SERVER_REFUSED: msgid("The mail server does not talk to this machine. Please ask who runs it."),
    Fault.SERVER_BUSY: msgid("The mail server is too busy or goes down. Please try again later."),
    Fault.TLS_FAILED: msgid(
        "No encrypted connection came about. Please check the port and the certificate of the mail server."
    ),
    Fault.SIGN_IN_REFUSED: msgid(
        "The mail server has refused the sign-in. Please check user and password in KURSLOTSE_SMTP."
    ),
    Fault.SENDER_REFUSED: msgid(
        "The mail server has refused the sender. Please have it allow the sender's domain, which is that of"
        " KURSLOTSE_PUBLIC_URL."
    ),
    Fault.RELAY_DENIED: msgid(
        "The mail server sends nothing to other domains for this machine. Please have it allow that."
    ),
    Fault.POLICY: msgid("A rule of the mail server, or of the recipient's, has refused the mail."),
    Fault.CONTENT_REFUSED: msgid("The mail server has refused the content of the mail."),
    Fault.RECIPIENT_REFUSED: msgid("The recipient's mailbox was refused. Please check the address."),
    Fault.DEFERRED: msgid("The mail server does not take the mail now. Please try again later."),
    Fault.CONNECTION_LOST: msgid("The connection broke while the mail was sent. Perhaps it was taken."),
}
_NOT_KNOWN = msgid("It is not known whether the mail was taken. Please try again.")
_NO_ADDRESS = msgid("Please enter one plain e-mail address, for example name@example.org.")
_TOO_MANY = msgid("There were several tests just now. Please wait %(seconds)s seconds.")


@router.get("")
async def mail_page(request: Request, context: Context, visitor: Tester) -> Response:
    """Show whether a mail server is set and how the last test ended."""
    return await _show(request, context, visitor)


@router.post("/test")
async def test(request: Request, context: Context, visitor: Tester) -> Response:
    """Send a test mail; its address is neither kept nor logged."""
    texts = web_of(request).texts(request)
    to = str((await form_of(request)).get("to") or "").strip()
    if context.mails.server is None:
        raise PageError(409, "no_mail_server", "No mail server is set; nothing can be sent.")
    if not to or len(to) > 254:  # noqa: PLR2004 - RFC 5321
        return await _show(request, context, visitor, error=texts.plain(_NO_ADDRESS), status=422)
    wait = context.mails.wait()
    if wait:
        told = texts.gettext(_TOO_MANY, seconds=str(math.ceil(wait)))
        answer = await _show(request, context, visitor, error=told, status=429)
        answer.headers["Retry-After"] = str(math.ceil(wait))
        return answer
    try:
        attempted = await context.mails.send(to)
    except MailboxError:
        return await _show(request, context, visitor, error=texts.plain(_NO_ADDRESS), status=422)
    async with context.open(visitor) as conn:
        await mail_test.record(conn, attempted, context.now())
    kind = "success" if attempted.outcome is Outcome.SENT else "danger"
    web_of(request).note(request, kind, _told(texts, attempted))
    return web_of(request).back(request, "/mail")


def _told(texts: Texts, attempted: Attempted) -> str:
    """Say plainly what came of a test, with the server's code if it gave one."""
    said = texts.plain(SAID.get(mail_test.outcome_of(attempted), _NOT_KNOWN))
    if attempted.code is None:
        return said
    return f"{said} {texts.gettext('Answer of the server: %(code)s.', code=str(attempted.code))}"


async def _show(
    request: Request, context: PageContext, visitor: Visitor, *, error: str = "", status: int = 200
) -> Response:
    web = web_of(request)
    async with context.open(visitor) as conn:
        last = await mail_test.last_test(conn)
    return web.page(
        request,
        "mail.html",
        status,
        server=context.mails.server is not None,
        last=last,
        said=web.texts(request).plain(SAID.get(last.outcome, _NOT_KNOWN)) if last else "",
        error=error,
    )
