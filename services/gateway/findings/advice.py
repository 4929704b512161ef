"""Turns a problem into two sentences, what is wrong and what to do, in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.envelope import Problem
from services.gateway.findings.catalogue import CATALOGUE, FALLBACK
from services.gateway.findings.texts_rules import RULES
from services.runtime.web.languages import Texts, load

DEFAULT = "de"
LOCALE = Path(__file__).resolve().parents[1] / "locale"


class _Params(dict[str, str | int]):
    def __missing__(self, key: str) -> str:
        return "?"


@dataclass(frozen=True, slots=True)
class Told:
    """A problem in words."""

    wrong: str
    todo: str


class Adviser:
    """Translates problems with the catalogue, in German and English."""

    def __init__(self, texts: Mapping[str, Texts] | None = None) -> None:
        self._texts = texts or load([LOCALE])

    def tell(
        self, code: str, field: str | None, params: Mapping[str, str | int], language: str = DEFAULT
    ) -> Told:
        """Return the sentences of a code; a code without a text of its own gets a general one."""
        advice = CATALOGUE.get(code, FALLBACK)
        gettext = self._texts[language].gettext
        values = _Params(params) | {"code": code, "field": field or "?"}
        if "rule" in params:
            rule = str(params["rule"])
            values["rule"] = gettext(RULES.get(rule, rule)).format_map(_Params(params))
        return Told(
            gettext(advice.wrong).format_map(_Params(values)),
            gettext(advice.todo).format_map(_Params(values)),
        )

    def as_json(
        self, problem: Problem, language: str = DEFAULT, event_id: str | None = None
    ) -> dict[str, str | None]:
        """Write a problem as the doors answer it."""
        told = self.tell(problem.code, problem.field, problem.params, language)
        written: dict[str, str | None] = {
            "code": problem.code,
            "field": problem.field,
            "message": told.wrong,
            "what_to_do": told.todo,
        }
        return written | {"event_id": event_id} if event_id is not None else written
