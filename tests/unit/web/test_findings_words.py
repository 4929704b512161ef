"""Every code by which a record can be refused or wait has words on the pages, in both languages."""

from services.gateway.findings.texts_judged import CORRECTIONS, COURSES, LOOP, PEOPLE, PLACES, SUPPORT, TOWNS
from services.gateway.findings.texts_records import ENVELOPE, FIELDS
from services.runtime.web.languages import load
from services.texts.codes import WORDS, word
from services.texts.filters import LOCALE
from tests.unit.gateway.test_catalogue import ROOT, codes_in

TOLD = {**ENVELOPE, **FIELDS, **LOOP, **COURSES, **PEOPLE, **PLACES, **CORRECTIONS, **SUPPORT, **TOWNS}
JUDGING = (
    "allocation/events",
    "allocation/erasure",
    "allocation/placements",
    "notifications/events",
    "runtime",
)


def test_every_finding_has_a_german_word() -> None:
    german = load([LOCALE])["de"]
    assert {code for code in TOLD if code not in WORDS["finding"]} == set()
    raw = [code for code in WORDS["finding"] if word(german, code, "finding") == WORDS["finding"][code]]
    assert raw == []


def test_what_judges_raises_no_code_without_a_word() -> None:
    raised = {
        code: where
        for folder in JUDGING
        for path in sorted((ROOT / "services" / folder).rglob("*.py"))
        for code, where in codes_in(path)
        if "web" not in path.parts
    }
    assert {code: where for code, where in raised.items() if code not in WORDS["finding"]} == {}
