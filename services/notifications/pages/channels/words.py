"""Says in words how an office is told, what is wrong with an entry, and what became of a message."""

from collections.abc import Mapping
from datetime import date

from services.notifications.delivery.webhooks.domain import UrlFault
from services.notifications.delivery.webhooks.endpoints import NotKept
from services.runtime.web.languages import Texts, msgid

ENROLMENTS = {
    "at_once": msgid("at once, several together"),
    "daily": msgid("once a day, on working days (recommended)"),
}
HOLDS = {
    "never": msgid("No: mails come at any hour."),
    "office_hours": msgid("Yes: mails wait until the office opens."),
    "quiet_hours": msgid("Yes: mails wait during the quiet hours."),
}
ROLES = {
    "office": msgid("E-mail of the office"),
    "lead": msgid("E-mail of its head"),
    "head": msgid("Whoever hears after the head"),
    "last": msgid("Last resort"),
    "webhook": msgid("Webhook"),
}
STEPS = {
    "notice": msgid("new notice"),
    "escalation": msgid("nobody has answered"),
    "undelivered": msgid("did not reach the office"),
    "withdrawn": msgid("taken back"),
    "repeat": msgid("nobody has looked"),
    "snooze": msgid("put off until now"),
    "declined": msgid("declined, and nobody else to ask"),
    "unhooked": msgid("webhook switched off"),
}
STATES = {
    "held": msgid("is held"),
    "carried": msgid("goes with another one"),
    "pending": msgid("is being sent"),
    "sent": msgid("was accepted"),
    "failed": msgid("was not accepted"),
    "bounced": msgid("came back"),
    "cancelled": msgid("was no longer needed"),
}
HELD = {
    "digest": msgid("goes with the others in the morning"),
    "office_hours": msgid("until the office opens"),
    "quiet_hours": msgid("until the quiet hours end"),
    "silence": msgid("until the silence ends"),
}
PROBLEMS = {
    "server_unreachable": msgid("the mail server cannot be reached"),
    "server_refused": msgid("the mail server does not talk to this machine"),
    "server_busy": msgid("the mail server is too busy"),
    "tls_failed": msgid("no encrypted connection came about"),
    "sign_in_refused": msgid("the mail server has refused the sign-in"),
    "sender_refused": msgid("the mail server has refused the sender"),
    "relay_denied": msgid("the mail server sends nothing to this domain"),
    "policy": msgid("a rule of a mail server"),
    "content_refused": msgid("the content was refused"),
    "recipient_refused": msgid("there is no such mailbox"),
    "refused": msgid("there is no such mailbox"),
    "deferred": msgid("the mail server asks to wait"),
    "connection_lost": msgid("the connection broke"),
    "in_doubt": msgid("nobody knows whether it was taken"),
    "mailbox_invalid": msgid("the address is none"),
    "no_address": msgid("there is no address"),
    "suppressed": msgid("earlier mails to this mailbox came back"),
    "bounced": msgid("the mail server of the recipient sent it back"),
    "too_many_attempts": msgid("tried for two days"),
    "answered": msgid("the office had answered already"),
    "outdated": msgid("it was no longer true when it might have gone out"),
    "endpoint_gone": msgid("the webhook says that it is gone (410)"),
    "endpoint_disabled": msgid("the webhook is switched off"),
    "endpoint_refused": msgid("the webhook has refused it"),
    "endpoint_busy": msgid("the webhook asks to wait"),
    "endpoint_failed": msgid("the webhook has a fault of its own"),
    "endpoint_silent": msgid("the webhook does not answer in time"),
    "endpoint_unreachable": msgid("the webhook cannot be reached"),
    "endpoint_tls": msgid("the webhook has no valid certificate"),
    "redirected": msgid("the webhook leads somewhere else, where nothing is sent"),
    "address_forbidden": msgid("the webhook leads into a network that is not public"),
    "name_unknown": msgid("the name of the webhook is unknown"),
}
URL_FAULTS: Mapping[UrlFault | NotKept, str] = {
    UrlFault.NOT_HTTPS: msgid("Please enter an address that begins with https://."),
    UrlFault.UNREADABLE: msgid(
        "Please enter a complete address, for example https://fach.example.org/haken."
    ),
    UrlFault.WITH_SECRETS: msgid("Please enter the address without user, password and #."),
    UrlFault.FORBIDDEN: msgid(
        "This address leads into a network that is not public. Please ask whoever operates Kurslotse whether"
        " it may be allowed."
    ),
    NotKept.UNKNOWN_NAME: msgid("There is no machine of this name. Please check the address."),
    NotKept.TWICE: msgid("Your office has this webhook already."),
    NotKept.TOO_MANY: msgid("An office has three webhooks at most. Please remove one first."),
    NotKept.NONE: msgid("There is no such webhook any more."),
}
NO_TIME = msgid("Please enter a time of the day, for example 08:00.")
SAME_TIMES = msgid("Please enter two different times.")
NO_HOURS = msgid("Please enter whole hours from 1 to 400, or nothing.")
NO_MAILBOX = msgid("Please enter one plain e-mail address, for example leitung@example.org, or nothing.")
HOOK_ON = msgid("The webhook is on again.")
HOOK_OFF = msgid("The webhook is removed; notices come by mail.")
CHOOSE = msgid("Please choose from the list.")
NEEDS_WEBHOOK = msgid("Without mails nobody would hear: your office has no webhook that is on.")
OUTDATED = msgid(
    "Somebody else has changed this meanwhile; nothing was saved. Please look how it stands now and enter"
    " your change again."
)
NO_TEST = msgid("The test mail was not accepted: %(why)s.")
NO_REASON = msgid("Please say in a few words why it is sent again.")
NOT_FAILED = msgid(
    "This message is no longer one that was not accepted or that came back. Nothing was sent again."
)
ABOUT = {
    "everything": msgid("all notices"),
    "enrolment": msgid("that a course begins"),
    "risk": msgid("that help may be needed"),
}
NO_LAST_DAY = msgid("Please enter a day, for example 24.12.2026.")
LAST_DAY_OUTSIDE = msgid("Please enter today or one of the %(most)s days after it.")
NO_SILENCE_REASON = msgid("Please say in a few words why the mails wait.")
LONG_REASON = msgid("Please enter at most 500 characters.")
SILENCED = msgid("The silence has begun.")
SILENCE_ENDED = msgid("The silence is over. What has waited goes out now.")
NO_SILENCE = msgid("This silence is over already.")
LABELS = {
    "enrolments": msgid("Enrolments come"),
    "digest_at": msgid("Time of the day"),
    "hold": msgid("Do mails wait?"),
    "quiet_from": msgid("Quiet from"),
    "quiet_to": msgid("Quiet until"),
    "repeat_hours": msgid("Remind after office hours"),
    "by_mail": msgid("Notices also by mail"),
    "head_mail": msgid("Whoever hears after the head"),
    "last_mail": msgid("Last resort"),
    "webhook_added": msgid("Webhook added"),
    "webhook_secret": msgid("Secret of a webhook renewed"),
    "webhook_on": msgid("Webhook switched on"),
    "webhook_off": msgid("Webhook removed"),
    "mailbox_freed": msgid("Mailbox freed"),
    "silence_everything": msgid("All mails wait until"),
    "silence_enrolment": msgid("Mails that a course begins wait until"),
    "silence_risk": msgid("Mails that help may be needed wait until"),
}


def value_of(texts: Texts, name: str, value: str | None) -> str:
    """Write one value of a change: the last day of a silence as a day; empty: there is none."""
    if not value:
        return ""
    return texts.date(date.fromisoformat(value)) if name.startswith("silence_") else value


def said(texts: Texts, words: Mapping[str, str], code: str | None) -> str:
    """Return the words for a code; the code itself if there are none."""
    return "" if code is None else texts.plain(words[code]) if code in words else code
