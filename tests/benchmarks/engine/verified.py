"""Verifies every certificate, reason and remedy of a year with the independent checker, and times them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from time import perf_counter

from services.allocation.steering.explain.certificate import certificate_of
from services.allocation.steering.explain.reasons import Explanation, explain
from services.allocation.steering.explain.remedies import Remedies, as_json, remedies_of
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.match import Result, match
from services.allocation.steering.matching.snapshot import Snapshot
from services.checker import reasons as check_reasons
from services.checker import remedies as check_remedies
from services.checker import run as check_run
from services.simulator.year.steering import runs


def _row(one: Explanation) -> dict[str, object]:
    return {"person": str(one.person), "code": one.main.code, "params": dict(one.main.params)}


def verify(seen: Snapshot, result: Result, counts: Counter[str], seconds: Counter[str]) -> list[str]:
    """Make and check everything that is told about a run; count and time it."""
    begun = perf_counter()
    known = eligibility_of(seen)
    judged = perf_counter()
    told = explain(seen, known, result)
    explained = perf_counter()
    certificate = certificate_of(seen, result, known)
    certified = perf_counter()
    found: Remedies = remedies_of(seen, result)
    remedied = perf_counter()
    raw, answer = snapshot.encode(seen), matching.encode(result)
    wrong = check_run.findings(raw, answer, certificate)
    wrong += check_reasons.findings(raw, answer, certificate, [_row(one) for one in told])
    checked = perf_counter()
    wrong += check_remedies.findings(raw, answer, as_json(found, seen)["each"])
    ended = perf_counter()
    for name, spent in (
        ("eligibility", judged - begun),
        ("reasons", explained - judged),
        ("certificate", certified - explained),
        ("remedies", remedied - certified),
        ("check of the run", checked - remedied),
        ("check of the remedies", ended - checked),
    ):
        seconds[name] += spent  # type: ignore[assignment]
        seconds[f"{name}, longest"] = max(seconds[f"{name}, longest"], spent)  # type: ignore[assignment]
    counts["runs"] += 1
    counts["people"] += len(seen.people)
    counts["placed"] += len(result.places)
    counts["reasons"] += len(told)
    counts["certificates"] += 1
    counts["remedies"] += sum(one.code != "none" for one in found.each)
    counts["nothing helps"] += sum(one.code == "none" for one in found.each)
    counts["findings"] += len(wrong)
    counts.update(f"  {one.code}" for one in found.each if one.code != "none")
    return wrong


def main() -> None:
    """Go through a year, or through one generated Kreis, and say what was checked and how long it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engine.verified", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", choices=("daily", "weekly"), default="weekly")
    parser.add_argument("--kreis", metavar="PEOPLExCOURSES", help="one generated Kreis instead of a year")
    asked = parser.parse_args()
    counts, seconds = Counter[str](), Counter[str]()
    wrong: list[str] = []
    if asked.kreis:
        people, courses = (int(number) for number in asked.kreis.split("x"))
        from tests.unit.allocation.regions.region import a_region  # noqa: PLC0415 -- only then

        seen = a_region(asked.seed, people, courses)
        begun = perf_counter()
        result = match(seen)
        seconds["match"] += perf_counter() - begun  # type: ignore[assignment]
        wrong += verify(seen, result, counts, seconds)
    else:
        for run in runs(asked.seed, every=asked.every):
            wrong += [f"{run.day}: {one}" for one in verify(run.snapshot, run.result, counts, seconds)]
    sys.stdout.write("".join(f"{count:8} {name}\n" for name, count in counts.items()))
    sys.stdout.write("".join(f"{spent:8.2f} s {name}\n" for name, spent in seconds.items()))
    sys.stdout.write("".join(f"{one}\n" for one in wrong[:20]))
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
