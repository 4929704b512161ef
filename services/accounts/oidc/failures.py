"""Says why a sign-in at an issuer failed, in words for the person who tried."""

from collections.abc import Mapping
from enum import Enum

from services.runtime.web.languages import msgid


class Reason(Enum):
    """Why a sign-in failed; the names go to logs and metrics, nothing else of it does."""

    SERVER_SILENT = "server_silent"
    SERVER_WRONG = "server_wrong"
    OTHER_ISSUER = "other_issuer"
    REFUSED = "refused"
    FLOW_UNKNOWN = "flow_unknown"
    FLOW_FOREIGN = "flow_foreign"
    FLOW_USED = "flow_used"
    CODE_REFUSED = "code_refused"
    TOKEN_FORGED = "token_forged"  # noqa: S105 - no secret
    TOKEN_FOREIGN = "token_foreign"  # noqa: S105 - no secret
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - no secret
    TOKEN_EARLY = "token_early"  # noqa: S105 - no secret
    NONCE = "nonce"
    NOT_FRESH = "not_fresh"
    TOO_WEAK = "too_weak"
    NO_ROLE = "no_role"


TEXTS: Mapping[Reason, tuple[int, str]] = {
    Reason.SERVER_SILENT: (
        503,
        msgid(
            "The sign-in server of %(issuer)s does not answer at the moment. Nothing is lost. "
            "Please try again in a few minutes."
        ),
    ),
    Reason.SERVER_WRONG: (
        502,
        msgid(
            "The sign-in server of %(issuer)s answered in a way that Kurslotse cannot use, so nobody was "
            "signed in. Please tell the people who look after that sign-in server."
        ),
    ),
    Reason.OTHER_ISSUER: (
        502,
        msgid(
            "The answer did not come from the sign-in server of %(issuer)s but from another one, so nobody "
            "was signed in. Please tell whoever administers Kurslotse."
        ),
    ),
    Reason.REFUSED: (
        403,
        msgid(
            "%(issuer)s did not sign you in, or you cancelled there. Please try again, or ask your "
            "administrator whether you may use Kurslotse."
        ),
    ),
    Reason.FLOW_UNKNOWN: (
        400,
        msgid(
            "This sign-in was not begun in this browser, or it was more than ten minutes ago. Please begin "
            "again on the sign-in page."
        ),
    ),
    Reason.FLOW_FOREIGN: (
        400,
        msgid(
            "This answer belongs to another sign-in, perhaps in another tab or browser. Please begin again "
            "on the sign-in page."
        ),
    ),
    Reason.FLOW_USED: (
        400,
        msgid("This sign-in has been used already. Please begin again on the sign-in page."),
    ),
    Reason.CODE_REFUSED: (
        400,
        msgid(
            "%(issuer)s no longer accepts this sign-in: it was used already, or it took too long. Please "
            "begin again on the sign-in page."
        ),
    ),
    Reason.TOKEN_FORGED: (
        403,
        msgid(
            "The signature of what %(issuer)s said about you is not valid, so nobody was signed in. "
            "Please tell whoever administers Kurslotse."
        ),
    ),
    Reason.TOKEN_FOREIGN: (
        403,
        msgid(
            "What %(issuer)s said about you was meant for another program, so nobody was signed in. "
            "Please tell whoever administers Kurslotse."
        ),
    ),
    Reason.TOKEN_EXPIRED: (
        403,
        msgid(
            "What %(issuer)s said about you is no longer valid. Please try again. If it happens again, the "
            "clocks of the two servers differ: please tell whoever administers Kurslotse."
        ),
    ),
    Reason.TOKEN_EARLY: (
        403,
        msgid(
            "What %(issuer)s said about you is not valid yet: the clocks of the two servers differ. Please "
            "tell whoever administers Kurslotse."
        ),
    ),
    Reason.NONCE: (
        403,
        msgid(
            "The answer of %(issuer)s belongs to another sign-in, so nobody was signed in. Please begin "
            "again on the sign-in page."
        ),
    ),
    Reason.NOT_FRESH: (
        403,
        msgid(
            "You need to show once more who you are, but %(issuer)s did not ask you. Please sign out there "
            "and try again."
        ),
    ),
    Reason.TOO_WEAK: (
        403,
        msgid(
            "%(issuer)s signed you in, but not as safely as Kurslotse needs it. Please use your second "
            "factor there, or ask your administrator how."
        ),
    ),
    Reason.NO_ROLE: (
        403,
        msgid(
            "You are signed in at %(issuer)s, but you have no role in Kurslotse there. Please ask your "
            "administrator to give you one."
        ),
    ),
}
"""Reason -> HTTP status and text."""


class OidcError(Exception):
    """A sign-in, or a message of an issuer, that is not accepted.

    `detail` is for operators and names what was wrong, never a value that somebody sent.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason, self.detail = reason, detail
