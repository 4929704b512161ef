"""Every code that anything in the repository can raise has a text, in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.codes import PlacementState
from schemas.envelope import Problem
from services.allocation.console.questions.suggestions import OLD
from services.gateway.findings.advice import Adviser
from services.gateway.findings.catalogue import CATALOGUE, FALLBACK
from services.gateway.findings.texts_rules import RULES
from services.runtime.web.languages import chosen_language, load
from services.texts.reasons import REFUSALS

ROOT = Path(__file__).parents[3]
RAISERS = {"Problem", "Refusal", "Unchanged", "Notice", "NotReadable", "Turned"}
LOCALE = ROOT / "services" / "gateway" / "locale"
GERMAN = load([LOCALE])["de"]


def codes_in(path: Path) -> Iterator[tuple[str, str]]:
    """Codes as they are written in the source: `Problem("code")`, `Refusal("code")`, `Turned(403, "x")`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISERS):
            continue
        for argument in node.args[:2] if node.func.id == "Turned" else node.args[:1]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value, f"{path.relative_to(ROOT)}:{node.lineno}"


def sources() -> list[Path]:
    return [
        path
        for folder in ("schemas", "services")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "simulator" not in path.parts and "console" not in path.parts and "pages" not in path.parts
    ]


def test_every_code_in_the_repository_has_a_text() -> None:
    """A finding's code has advice here; what only a coordinator is told has words on the console."""
    missing = {
        code: where
        for path in sources()
        for code, where in codes_in(path)
        if code not in CATALOGUE and not ("allocation" in path.parts and code in {**REFUSALS, **OLD})
    }
    assert missing == {}


def test_codes_made_of_placement_states_have_a_text() -> None:
    assert {f"already_{state}" for state in PlacementState} <= set(CATALOGUE)
    assert {"course_announced", "course_cancelled", "course_completed"} <= set(CATALOGUE)


@pytest.mark.parametrize(
    "advice", [*CATALOGUE.items(), ("fallback", FALLBACK)], ids=lambda item: str(item)[:40]
)
def test_every_text_is_german_too_and_names_the_same_parameters(advice: object) -> None:
    for english in (advice[1].wrong, advice[1].todo):  # type: ignore[index]
        german = GERMAN.gettext(english)
        assert german != english
        assert set(re.findall(r"\{\w+\}", german)) == set(re.findall(r"\{\w+\}", english))


def own_rules() -> list[str]:
    """The sentences of our own validators, which become the rule of a field_invalid."""
    return sorted(
        {
            node.args[0].value
            for path in (ROOT / "schemas").glob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "ValueError"
            and path.stem in {"base", "providers", "offices", "support"}
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        }
    )


@pytest.mark.parametrize("rule", [*RULES.values(), *own_rules()])
def test_rules_have_words_in_both_languages(rule: str) -> None:
    assert GERMAN.gettext(rule) != rule


def test_a_broken_rule_is_explained() -> None:
    told = Adviser().tell("field_invalid", "capacity", {"rule": "greater_than_equal", "ge": 1}, "de")
    assert "mindestens 1" in told.todo


def test_an_unknown_code_and_missing_parameters_still_say_something() -> None:
    told = Adviser().tell("never_heard_of", None, {}, "en")
    assert "never_heard_of" in told.wrong
    assert "?" in Adviser().tell("no_seat", None, {}).wrong
    written = Adviser().as_json(Problem("field_missing", "title"), "de", "e-1")
    assert (written["event_id"], written["field"]) == ("e-1", "title")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "de"),
        ("", "de"),
        ("en", "en"),
        ("fr", "de"),
        ("fr, en;q=0.5", "en"),
        ("de;q=0.1, en", "en"),
        ("en;q=x", "de"),
        ("en; q=0.9, de; q=0.1", "en"),
        ("de ; q=0.2 , en ;q=0.3", "en"),
        ("en;Q=0.9,de;q=0.1", "en"),
        ("en-GB,en;q=0.9,de;q=0.5", "en"),
        ("EN", "en"),
        ("en, de", "en"),
        ("de, en", "de"),
        ("*", "de"),
        ("de;q=0, *", "en"),
        ("de;q=0.1, *;q=0.5", "en"),
        ("en;q=0", "de"),
        ("de;q=0, en;q=0", "de"),
        ("en;q=1.5, de;q=0.1", "de"),
        ("en;q=-1", "de"),
        ("en;q=nan, de;q=0.5", "de"),
        ("en;q=1e3", "de"),
        ("en;q=0.123456", "en"),
        ("english", "de"),
        ("en_GB", "de"),
        (",,;q=1,en", "en"),
        ("x" * 100_000 + ",en", "de"),
        ("de;q=0.1," + "fr," * 100_000 + "en", "de"),
        ("en" + "-a" * 100_000, "en"),
    ],
)
def test_languages(header: str | None, expected: str) -> None:
    assert chosen_language(header) == expected
