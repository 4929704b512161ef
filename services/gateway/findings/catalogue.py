"""Collects the texts of every code that a record, a key or a file can be told about."""

from collections.abc import Mapping

from services.gateway.findings.domain import Advice
from services.gateway.findings.texts_doors import DOORS
from services.gateway.findings.texts_files import COURSE_FILES, FILES, TABLES
from services.gateway.findings.texts_judged import CORRECTIONS, COURSES, LOOP, PEOPLE, PLACES, SUPPORT, TOWNS
from services.gateway.findings.texts_records import ENVELOPE, FIELDS

FALLBACK = Advice(
    "The record was not taken as it is ({code}).", "Ask the Kreis, and name this code and the place."
)

CATALOGUE: Mapping[str, Advice] = {
    **ENVELOPE,
    **FIELDS,
    **DOORS,
    **LOOP,
    **COURSES,
    **PEOPLE,
    **PLACES,
    **CORRECTIONS,
    **SUPPORT,
    **TOWNS,
    **FILES,
    **COURSE_FILES,
    **TABLES,
}
