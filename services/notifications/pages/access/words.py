"""Says in words what the codes in a person's data mean."""

from collections.abc import Mapping

from services.notifications.pages.oversight.looks import PURPOSES
from services.notifications.pages.risk_rules.words import RULES
from services.runtime.web.languages import Texts, msgid
from services.texts.codes import WORDS

_ALERT = {
    "new": msgid("told, nobody has looked yet"),
    "seen": msgid("seen"),
    "accepted": msgid("somebody takes care of it"),
    "declined": msgid("the office does not take it"),
    "handed_over": msgid("handed over in the office"),
    "done": msgid("done"),
    "withdrawn": msgid("taken back"),
}

CODES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("placement", "state"): WORDS["state"],
    ("registration", "state"): WORDS["registration"],
    ("participant_fact", "asylum_phase"): WORDS["asylum"],
    ("consent", "purpose"): WORDS["purpose"],
    ("consent_step", "purpose"): WORDS["purpose"],
    ("consent_step", "step"): {
        "granted": msgid("allowed"),
        "revoked": msgid("taken back by you"),
        "retracted": msgid("the entry was a mistake"),
        "lapsed": msgid("its time was over"),
    },
    ("consent_evidence", "told"): WORDS["told"],
    ("attendance", "mark"): WORDS["mark"],
    ("held_mark", "mark"): WORDS["mark"],
    ("section_result", "grade"): {
        "above": msgid("above what is expected"),
        "as_expected": msgid("as expected"),
        "below": msgid("below what is expected"),
    },
    ("exam_result", "result"): {
        "below_a2": msgid("below A2"),
        "passed": msgid("passed"),
        "failed": msgid("not passed"),
        "absent": msgid("did not come"),
    }
    | {level: level for level in ("A2", "B1", "B2", "C1")},
    ("risk", "rule"): RULES,
    ("risk", "state"): {
        "open": msgid("is still so"),
        "cleared": msgid("is over"),
        "withdrawn": msgid("the consent has ended"),
        "inhibited": msgid("the course was cancelled"),
    },
    ("alert", "purpose"): WORDS["purpose"],
    ("alert", "state"): _ALERT,
    ("alert_step", "to_state"): _ALERT,
    ("delivery", "channel"): {"email": msgid("E-mail"), "webhook": msgid("Webhook")},
    ("delivery_attempt", "outcome"): {
        "sent": msgid("was accepted"),
        "retry": msgid("is tried again"),
        "refused": msgid("was not accepted"),
        "in_doubt": msgid("nobody knows whether it was taken"),
        "own_fault": msgid("is tried again"),
        "unsendable": msgid("could not be sent"),
    },
    ("disclosure", "purpose"): PURPOSES,
    ("disclosure_log", "purpose"): PURPOSES | {"routing": msgid("to find the office that is responsible")},
}
"""Words for the codes of each column that holds codes."""


def said(texts: Texts, table: str, column: str, code: str) -> str | None:
    """Return the word for a code, None if the column holds none or it is unknown."""
    word = CODES.get((table, column), {}).get(code)
    return None if word is None else texts.plain(word)
