"""Reads what services have registered about their tables: purpose, legal basis, period, what happens then.

`python -m services.runtime.data.retention --write` makes docs/retention.md of it, `--check` compares.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

SERVICES = Path(__file__).parents[2]
PAGE = SERVICES.parent / "docs" / "retention.md"


_ABOUT_THE_LAW = """
Nobody with a legal training has checked this list. The data protection officer of the Kreis has to,
before people are registered, and takes it over into the record of processing (Art. 30 DSGVO). What it
rests on:

* *Basis* names what a table is for. How long it is kept is hardly ever said by a law: see *set by*. A
  municipal decision is bound by Art. 5 Abs. 1 Buchst. e DSGVO only: no longer than needed.
* No federal law lets a Kreis assign people to courses: § 7 Abs. 3 IntV gives that to BAMF. Steering by a
  Kreis is a proposal. It rests on Art. 6 Abs. 1 Buchst. e and Abs. 3 DSGVO, the data protection law of
  the Land, and the decision by which the Kreis took the task; the Kreis names both.
* §§ 67 ff. SGB X bind Jobcenter, Sozialamt and the other bodies of § 35 SGB I; whoever gets data from
  them is bound by § 78 SGB X. § 84 SGB X (since 2018) sets no period: it adds exceptions to Art. 16 to 18
  and 21 DSGVO.
* § 8 IntV and § 26 Abs. 3 DeuFöV (five years) say how long BAMF keeps its own data; they do not bind
  here.
* No row is a voucher or a trading letter: courses are settled between provider and BAMF. So § 257 HGB and
  § 147 AO say nothing about them.
* Caritas and Diakonie apply KDG and DSG-EKD in place of the DSGVO.
* Where proposals are approved automatically, Art. 22 DSGVO may ask for a law that permits it (Abs. 2
  Buchst. b); a policy is none.
""".splitlines()
_SHARED = {
    "runtime": "every service",
    "accounts": "accounts, in allocation and in notifications each",
    "places": "places, in every service",
}


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SetBy(StrEnum):
    """Who says how long."""

    LAW = "law"
    MUNICIPALITY = "municipality"
    """No law says it, but that it be no longer than needed (Art. 5(1)(e) GDPR): the Kreis decides."""
    OPERATION = "operation"
    """As long as the machine needs them to do its work right."""


_SET_BY = {
    SetBy.LAW: "law",
    SetBy.MUNICIPALITY: "municipal decision",
    SetBy.OPERATION: "needed for the operation",
}


class Period(_Closed):
    """How long rows are kept: so many days, or as the sentence says; and who says so."""

    days: int | None = Field(ge=1)
    says: str
    set_by: SetBy


class Table(_Closed):
    """A table with personal or pseudonymous data; every column of it is named."""

    purpose: str
    basis: str
    period: str
    then: str
    job: str
    columns: tuple[str, ...]


class Registry(_Closed):
    """What one service, or the runtime, has registered; it holds from a day on."""

    valid_from: date
    periods: Mapping[str, Period]
    tables: Mapping[str, Table]
    not_about_people: tuple[str, ...]


@cache
def read(path: Path) -> Registry:
    """Read a registry; a period that is not defined is an error."""
    found = Registry.model_validate(yaml.safe_load(path.read_text("utf-8")))
    unknown = {table.period for table in found.tables.values()} - found.periods.keys()
    if unknown:
        msg = f"{path}: periods that are not defined: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    return found


def days_of(path: Path, period: str) -> int:
    """Return the days of a period that a job enforces."""
    days = read(path).periods[period].days
    if days is None:
        msg = f"{path}: {period} has no days"
        raise ValueError(msg)
    return days


def registries() -> dict[str, Registry]:
    """Read every registry, by the name of the folder it lies in."""
    return {path.parent.name: read(path) for path in sorted(SERVICES.glob("*/retention.yaml"))}


def page(found: Mapping[str, Registry]) -> str:
    """Write the page of all registries."""
    lines = [
        "# What is kept about people, and for how long",
        "",
        "Generated from `services/*/retention.yaml` by `python -m services.runtime.data.retention --write`.",
        "Whoever is erased is erased everywhere at once, whatever these periods say: docs/decisions/0025.",
        *_ABOUT_THE_LAW,
    ]
    for name, registry in found.items():
        whose = _SHARED.get(name, name)
        lines += ["", f"## {whose}", "", f"Valid from {registry.valid_from}.", ""]
        lines += ["| period | days | | set by |", "|---|---|---|---|"]
        lines += [
            f"| {key} | {one.days or ''} | {one.says} | {_SET_BY[one.set_by]} |"
            for key, one in registry.periods.items()
        ]
        lines += [
            "",
            "| table | purpose | basis | kept | then | by | columns |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_row(key, table) for key, table in registry.tables.items()]
        lines += ["", f"Nothing about a person: {', '.join(registry.not_about_people)}."]
    return "\n".join(lines) + "\n"


def _row(name: str, table: Table) -> str:
    columns = ", ".join(table.columns)
    cells = (name, table.purpose, table.basis, table.period, table.then, f"`{table.job}`", columns)
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or say whether it is up to date."""
    made = page(registries())
    if "--write" in arguments:
        PAGE.write_text(made, "utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text("utf-8") == made:
        return 0
    sys.stderr.write(
        "docs/retention.md is not up to date: python -m services.runtime.data.retention --write\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
