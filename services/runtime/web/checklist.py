"""Defines a checklist: steps in order, each read from the database and never ticked off by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.runtime.web.languages import Texts


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it stands; texts are msgids."""

    code: str
    title: str
    why: str
    """One sentence: why it matters."""
    done: bool
    address: str
    """The page on which it is done."""
    roles: Sequence[str]
    """Whose page that is; others see no link."""
    who: str
    """Who may do it, in words."""
    told: str = ""
    """What is known of it: numbers, names of places."""
    params: Mapping[str, Any] = field(default_factory=dict)

    def said(self, texts: Texts) -> str:
        """Return what is known of it in a language; empty if nothing is."""
        shown = {
            name: texts.date(value) if isinstance(value, date) else value
            for name, value in self.params.items()
        }
        return texts.gettext(self.told, **shown) if self.told else ""


def missing(steps: Sequence[Step]) -> Sequence[Step]:
    """Return the steps that are not done.

    >>> missing([Step("a", "A", "", True, "/", (), ""), Step("b", "B", "", False, "/", (), "")])[0].code
    'b'
    """
    return [step for step in steps if not step.done]
