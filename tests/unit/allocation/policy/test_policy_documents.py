"""Policy documents: their schema, their help, what is read from files, and how two policies differ."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from services.allocation.console.policy.document import as_document
from services.allocation.console.policy.help import HELP
from services.allocation.console.policy.sentences import Wording
from services.allocation.console.policy.words import GOALS, differences, parts
from services.allocation.law import documents, mistakes
from services.allocation.law.mistakes import DocumentError
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy import schema as policy_schema
from services.allocation.policy.check import check_own, check_text
from services.allocation.policy.domain import PACKAGED, Policy, load_policies, policies_of
from services.allocation.steering.commands import app
from services.runtime.web.languages import load
from tests.unit.allocation.policy.document import GOOD, changed


def test_the_published_schema_is_up_to_date() -> None:
    assert policy_schema.PUBLISHED.read_bytes() == policy_schema.written(), (
        "kurslotse steering policy schema > services/allocation/policy/files/schema.json"
    )
    fields = policy_schema.schema()["$defs"]["Policy"]["properties"]
    assert set(fields) == set(Policy.model_fields)
    assert fields["free_choice"]["description"].startswith("Whether people who are merely entitled")
    for file in Path(PACKAGED).parent.glob("*.yaml"):
        assert file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")


def test_a_document_made_from_a_policy_reads_the_same() -> None:
    book = load_rulebook()
    policy = check_own(GOOD, "99001", book)
    texts = load((mistakes.LOCALE,))["de"]
    document = as_document(texts, policy, policy.valid_from, policy.source)
    again = check_own(document, "99001", book)
    assert again == policy
    assert "  - priority  # möglichst viele Personen jeder Vorrangklasse" in document
    assert document.index("\ntowns:") > document.index("\nlimits:")
    assert parts(Wording(texts), again) == parts(Wording(texts), policy)
    assert differences(Wording(texts), policy, again) == []


def test_policies_that_differ_read_differently() -> None:
    texts = load((mistakes.LOCALE, mistakes.LOCALE.parents[1] / "texts" / "locale"))["de"]
    (old,) = load_policies().entries
    new = check_own(GOOD, "99001", load_rulebook())
    found = {one.heading: one for one in differences(Wording(texts), old, new)}
    assert (
        "Ein Kurs gilt als erreichbar („ortsnah“), wenn der Weg dorthin nach der Fahrzeitentabelle höchstens"
        " 60 Minuten dauert."
    ) in found["Grenzen"].new
    order = found["Was zählt, in dieser Reihenfolge"]
    assert order.new[0].startswith("2. Wessen Berechtigung bald abläuft")
    assert order.gone[0].startswith("2. Wer am längsten wartet")
    town = "99001001: 50.5° Nord, 9.5° Ost"
    assert found["Lage der Orte, für Entfernungen nach Luftlinie"].new == (town,)
    assert "Beschluss: Kurslotse's default" in found["Beschluss"].gone
    assert set(GOALS) == set(Policy.model_json_schema()["properties"]["goals"]["items"]["enum"])
    assert not re.search(
        r"[a-z]+_[a-z]+", " ".join(line for part in parts(Wording(texts), new) for line in part.lines)
    )


def test_places_of_values_are_those_that_an_editor_shows() -> None:
    document = documents.read("a:\n  b: [1, {c: x}]\n")
    assert document.place(("a", "b", 1, "c")) == documents.Place(2, 14)
    assert document.place(("a", "b", 1, "c"), key=True) == documents.Place(2, 11)
    assert document.place(("a", "b", 7)) == documents.Place(2, 6)
    assert document.value == yaml.safe_load("a:\n  b: [1, {c: x}]\n")
    assert documents.read("kreis: 01001").written["kreis",] == "01001"


def test_nothing_that_yaml_takes_for_something_else_becomes_a_number() -> None:
    for typed in ("010", "0x10", "1_0", "12:30", "1e1"):
        document = documents.read(changed("days: 10,", f"days: {typed},"))
        try:
            (policy,) = policies_of(document)
        except DocumentError:
            continue
        assert str(policy.reservation.days) == typed


def test_a_file_is_checked_on_the_command_line(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(GOOD, encoding="utf-8")
    bad.write_text(changed("hour: 6", "hour: 36"), encoding="utf-8")
    run = CliRunner().invoke(app, ["policy", "check", str(good)])
    assert (run.exit_code, "no mistakes" in run.stdout) == (0, True)
    run = CliRunner().invoke(app, ["policy", "check", str(bad), "--language", "de"])
    assert run.exit_code == 1
    assert run.stderr == f"{bad}:6:32: cadence > hour: Das ist zu groß; höchstens 23.\n"
    run = CliRunner().invoke(app, ["policy", "check", "-"], input="")
    assert run.exit_code == 1
    assert run.stderr.startswith("-:1:1: The document is empty.")
    assert CliRunner().invoke(app, ["policy", "schema"]).stdout.encode() == policy_schema.written()


@pytest.mark.parametrize("field", sorted(set(Policy.model_fields) - {"kreise", "valid_from"}))
def test_whoever_compares_sees_every_field_that_differs(field: str) -> None:
    """A second person decides by what is shown: nothing may change without a line."""
    texts = load((mistakes.LOCALE,))["de"]
    (old,) = load_policies().entries
    full = check_own(GOOD, "99001", load_rulebook()).model_copy(
        update={"free_choice": "none", "alternatives": 7, "explained_days": 365}
    )
    assert getattr(old, field) != getattr(full, field)
    assert differences(Wording(texts), old, old.model_copy(update={field: getattr(full, field)}))


def test_the_help_names_every_field_with_an_example_that_is_right() -> None:
    fields = list(Policy.model_fields)
    assert sorted(one.field for one in HELP) == sorted(set(fields) - {"kreise"})
    together = "\n".join(one.example for one in HELP)
    policy = check_own(together, "99001", load_rulebook())
    assert policy.quotas[0].until_days_before == 10
    assert policy.sizes.protected_courses == ("provider/K-7",)


def test_files_are_read_as_editors_write_them(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    for raw in (GOOD.encode(), b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode()):
        file.write_bytes(raw)
        assert load_policies(file).entries == load_policies_of(GOOD)
        assert CliRunner().invoke(app, ["policy", "check", str(file)]).exit_code == 0
    file.write_bytes(GOOD.encode("utf-16"))
    run = CliRunner().invoke(app, ["policy", "check", str(file), "--language", "de"])
    assert (run.exit_code, run.stderr.count("UTF-8")) == (1, 2)
    assert run.stderr.startswith(f"{file}:1:1: ")
    file.write_bytes(GOOD.encode("latin-1").replace(b"council", b"Gespr\xe4ch"))
    with pytest.raises(DocumentError, match=r"policy\.yaml:1:17: The file is not written in UTF-8"):
        load_policies(file)
    gone = CliRunner().invoke(app, ["policy", "check", str(tmp_path / "nothing.yaml")])
    assert (gone.exit_code, "No such file" in gone.stderr) == (1, True)


def load_policies_of(text: str) -> tuple[Policy, ...]:
    return tuple(check_text(text, load_rulebook()))
