"""Makes the inputs of a policy's form: values, bounds of the schema, mistakes, the sentence of effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.allocation.console.policy.fields import SECTIONS, Codes, Field
from services.allocation.console.policy.forms.reading import MISSING, PROBLEMS, Entered, at
from services.allocation.console.policy.forms.shape import Kind, Shape, shape
from services.allocation.console.policy.sentences import Lines, Wording
from services.allocation.law import mistakes
from services.allocation.law.documents import shown
from services.allocation.law.mistakes import Mistake
from services.allocation.policy.domain import Policy
from services.runtime.web.languages import Texts, msgid
from services.texts.codes import word

FORM_TEXTS: Mapping[str, str] = {
    "missing": msgid("Please fill this in."),
    "not_day": msgid("Please enter a day, for example 31.01.2027."),
    "not_one_of": msgid("Please choose one of the possibilities."),
    "not_yes_no": msgid("Please choose one of the possibilities."),
    "not_text": msgid("Please fill this in."),
    "late_entry_off": msgid(
        "Nobody enters running sections by the choice above. Please allow it there, or leave this empty."
    ),
    "list_short": msgid("Please choose at least one."),
    "quota_of_all": msgid("All classes are ticked, so a seat would be kept from nobody. Please untick one."),
}
"""What the document's words for a mistake are in a form, where there are no lines to delete."""


@dataclass(slots=True)
class Control:
    """An input, or a group of inputs, as the template shows it."""

    kind: Kind
    name: str
    label: str
    value: Any = ""
    unit: str = ""
    hint: str = ""
    error: str = ""
    required: bool = False
    least: float | None = None
    most: float | None = None
    longest: int | None = None
    ordered: bool = False
    options: Sequence[tuple[str, str]] = ()
    """Value and label."""
    inner: Sequence[Control] = ()
    """The numbers of a group, one for each code."""
    rows: Sequence[Sequence[Control]] = ()
    effect: Lines = ()

    @property
    def id(self) -> str:
        """The id in the page."""
        return "f-" + self.name.replace(".", "-")

    @property
    def codes(self) -> str:
        """What is shown, for the input that says so."""
        return " ".join(code for code, _ in self.options)


@dataclass(frozen=True, slots=True)
class Group:
    """A section of the form."""

    key: str
    heading: str
    intro: str
    controls: Sequence[Control]

    @property
    def wrong(self) -> bool:
        """Whether something in it has to be corrected."""
        return any(each.error for one in self.controls for each in every(one))


def every(control: Control) -> Iterable[Control]:
    """Return an input with all inputs inside."""
    yield control
    for inner in (*control.inner, *(cell for row in control.rows for cell in row)):
        yield from every(inner)


@dataclass(slots=True)
class Maker:
    """Makes the inputs of one page."""

    say: Wording
    codes: Mapping[Codes, Sequence[str]]
    """The codes of the rule book on the policy's day."""
    entered: Entered
    effects: Policy | None
    """What the sentences of effect are about; None: there are none."""
    wrong: Sequence[Mistake] = ()
    told: set[int] = field(default_factory=set)
    """Mistakes (by id) that stand beside a field."""

    @property
    def texts(self) -> Texts:
        """The visitor's language."""
        return self.say.texts

    def groups(self) -> Sequence[Group]:
        """Make all sections."""
        texts = self.texts
        return [
            Group(
                one.key,
                texts.plain(one.heading),
                texts.plain(one.intro),
                [self._top(each) for each in one.fields],
            )
            for one in SECTIONS
        ]

    def others(self) -> list[str]:
        """Say what is wrong with no field in particular, once `groups` was made."""
        return [
            f"{one.path}: {mistakes.said(self.texts, one)}" if one.path else mistakes.said(self.texts, one)
            for one in self.wrong
            if id(one) not in self.told
        ]

    def _top(self, one: Field) -> Control:
        path = tuple(one.path.split("."))
        made = self._control(one, shape(one.path), one.path, path, at(self.entered.data, one.path))
        clear = not any(each.error for each in every(made))
        made.effect = one.say(self.say, self.effects) if self.effects is not None and clear else ()
        return made

    def _control(
        self,
        one: Field,
        known: Shape,
        name: str,
        path: tuple[str | int, ...],
        value: Any,  # noqa: ANN401 -- a document's
    ) -> Control:
        value = known.default if value is MISSING else value
        made = Control(
            known.kind,
            name,
            self.texts.plain(one.label),
            unit=self.texts.plain(one.unit) if one.unit else "",
            hint=self.texts.plain(one.hint) if one.hint else "",
            required=known.required and known.kind is not Kind.TEXT,
            least=known.least,
            most=known.most,
            longest=known.longest,
            ordered=one.ordered,
        )
        match known.kind:
            case Kind.THINGS | Kind.NAMED_THINGS:
                self._rows(made, one, known, path, value)
            case Kind.BY_CODE:
                self._numbers(made, one, path, value)
            case Kind.SOME_OF:
                made.options = self._words(one, known.values)
                made.value = list(value or ())
            case Kind.WORDS if one.codes:
                made.kind, made.value = Kind.SOME_OF, list(value or ())
                made.options = self._coded(one.codes, made.value)
            case Kind.WORDS:
                made.value = "\n".join(str(each) for each in value or ())
            case Kind.YES_NO:
                made.value = {True: "yes", False: "no"}.get(value, "")
                made.options = [
                    ("yes", self.texts.gettext("possible")),
                    ("no", self.texts.gettext("not possible")),
                ]
            case _:
                made.value = written(value)
                made.options = self._words(one, known.values) if one.words else ()
        deep = known.kind in {Kind.SOME_OF, Kind.WORDS}
        made.error = self._problem(name) or self._mistake(path, deep=deep)
        return made

    def _words(self, one: Field, values: Sequence[str]) -> list[tuple[str, str]]:
        words = one.words or {}
        return [(value, self.texts.plain(words.get(value, value))) for value in values or words]

    def _coded(self, kind: Codes, there: Iterable[str]) -> list[tuple[str, str]]:
        """Name the rule book's codes and what stands there besides."""
        known = self.codes[kind]
        words = {"class": "priority", "type": "course_type"}[kind]
        found = [*known, *(str(code) for code in there if code not in known)]
        return [(code, word(self.texts, code, words)) for code in found]

    def _numbers(self, made: Control, one: Field, path: tuple[str | int, ...], value: Any) -> None:  # noqa: ANN401 -- a document's
        numbers = value if isinstance(value, Mapping) else {}
        made.options = self._coded(one.codes, numbers)
        made.inner = [
            Control(
                Kind.WHOLE,
                f"{made.name}.{code}",
                label,
                value=written(numbers.get(code)),
                unit=made.unit,
                error=self._problem(f"{made.name}.{code}") or self._mistake((*path, code)),
                least=made.least,
                most=made.most,
            )
            for code, label in made.options
        ]

    def _rows(self, made: Control, one: Field, known: Shape, path: tuple[str | int, ...], value: Any) -> None:  # noqa: ANN401 -- a document's
        assert known.model is not None  # noqa: S101 -- of things
        named = known.kind is Kind.NAMED_THINGS
        things = list((value or {}).items()) if named else list(enumerate(value or ()))
        rows = []
        for number, (key, thing) in enumerate([*things, ("", {})]):
            inside = path if not things or number == len(things) else (*path, key)
            name = f"{made.name}.{number}"
            row = []
            if named:
                error = self._mistake((*path, key)) if number < len(things) else ""
                row.append(
                    Control(Kind.TEXT, f"{name}.key", self.texts.plain(one.key), value=key, error=error)
                )
            for column in one.columns:
                own = shape(column.path, known.model)
                new = number == len(things)
                stands = _blank(own) if new else at(thing, column.path)
                cell = self._control(column, own, f"{name}.{column.path}", (*inside, column.path), stands)
                cell.required = cell.required and not new
                row.append(cell)
            rows.append(row)
        made.rows = rows

    def _problem(self, name: str) -> str:
        code = self.entered.problems.get(name, "")
        return self.texts.plain(PROBLEMS[code]) if code else ""

    def _mistake(self, path: tuple[str | int, ...], *, deep: bool = False) -> str:
        here = shown(path)
        said = []
        for one in self.wrong:
            if one.path == here or (deep and one.path.startswith(f"{here} > ")):
                self.told.add(id(one))
                own = FORM_TEXTS.get(one.code)
                said.append(self.texts.plain(own) if own else mistakes.said(self.texts, one))
        return " ".join(dict.fromkeys(said))


def _blank(known: Shape) -> Any:  # noqa: ANN401 -- of a document
    return [] if known.kind in {Kind.SOME_OF, Kind.WORDS} else ""


def written(value: Any) -> str:  # noqa: ANN401 -- of a document
    """Return a plain value as an input has it."""
    if value is None or value is MISSING:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)
