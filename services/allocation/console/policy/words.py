"""Words a policy line by line, as a coordinator reads it and a second person compares it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.allocation.console.policy.fields import SECTIONS, Field
from services.allocation.console.policy.sentences import Wording
from services.allocation.policy.domain import Policy, Step
from services.runtime.web.languages import msgid

GOALS: Mapping[str, str] = {
    "priority": msgid("as many people of each priority class as possible, the most urgent class first"),
    "deadline": msgid("people whose entitlement runs out soon"),
    "waiting": msgid("people who have waited longest"),
    "viability": msgid("courses that reach their target size"),
    "keep_offer": msgid("proposals that have been made stay as they are"),
    "type_choice": msgid("the course type that suits best"),
    "early_start": msgid("early course starts"),
    "travel_time": msgid("short ways by the table of travel times"),
    "distance": msgid("short ways as the crow flies"),
    "balance": msgid("even fill of the providers"),
}
"""Remarks behind the codes of a document; what a goal decides is said in sentences.py."""
STEPS: Mapping[Step, str] = {
    Step.SEND: msgid("proposals go on the list for the BAMF and wait for its word"),
    Step.RELEASE: msgid("proposals become reservations without confirmation"),
    Step.EXPIRE: msgid("unanswered reservations end at their time"),
    Step.CONFIRM: msgid("accepted places are confirmed without waiting for the provider"),
    Step.START: msgid("confirmed places start on the first day"),
    Step.COMPLETE: msgid("places are completed with their course"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and what is decided under it, one sentence each; `ordered` where the order is the rule."""

    key: str
    heading: str
    lines: tuple[str, ...]
    ordered: bool = False
    brief: str = ""
    """Shown instead of lines that only a comparison needs."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What one field said and says now; lines that stay are left out."""

    label: str
    gone: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Differing:
    """A section in which two policies say different things, field by field."""

    heading: str
    fields: tuple[Changed, ...]

    @property
    def gone(self) -> tuple[str, ...]:
        """What is said no more."""
        return tuple(line for field in self.fields for line in field.gone)

    @property
    def new(self) -> tuple[str, ...]:
        """What is said now."""
        return tuple(line for field in self.fields for line in field.new)


def parts(say: Wording, policy: Policy) -> Sequence[Part]:
    """Say a policy in words, a part for each section."""
    texts = say.texts
    found = []
    for section in SECTIONS:
        told = [field for field in section.fields if not field.aside]
        lines = dict.fromkeys(line for field in told for line in field.say(say, policy))
        brief = ""
        if section.brief and policy.towns:
            brief = texts.ngettext(
                "The position of %(num)s town is known.",
                "The positions of %(num)s towns are known.",
                len(policy.towns),
            )
        found.append(Part(section.key, texts.plain(section.heading), tuple(lines), section.ordered, brief))
    return found


def differences(say: Wording, old: Policy, new: Policy) -> Sequence[Differing]:
    """Compare two policies as they read, sentence by sentence; what reads the same is left out."""
    found = []
    for section in SECTIONS:
        changed: list[Changed] = []
        for field in section.fields:
            one = _changed(say, field, old, new)
            told = [(before.gone, before.new) for before in changed]
            if one is not None and (one.gone, one.new) not in told:
                changed.append(one)
        if changed:
            found.append(Differing(say.texts.plain(section.heading), tuple(changed)))
    return found


def _changed(say: Wording, field: Field, old: Policy, new: Policy) -> Changed | None:
    before, after = (_numbered(field, field.say(say, policy)) for policy in (old, new))
    if before == after:
        return None
    return Changed(
        say.texts.plain(field.label),
        tuple(line for line in before if line not in after),
        tuple(line for line in after if line not in before),
    )


def _numbered(field: Field, lines: tuple[str, ...]) -> tuple[str, ...]:
    """Put the place before the sentence where the order matters."""
    return tuple(f"{at}. {line}" for at, line in enumerate(lines, 1)) if field.ordered else lines
