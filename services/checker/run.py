"""Checks a run independently: takes its stored snapshot, result and certificate, returns findings.

The certificate is checked as a
proof: whatever cut-offs it claims, if no line here objects, then nobody of lower rank holds a seat that
could have been made free for somebody of higher rank who waits (docs/decisions/0015-*.md).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from services.checker.pairs import Node, Snapshot
from services.checker.tables import Json, parse
from services.checker.values import Values, lot

FORM, CERTIFICATE_FORM = 2, 1
CutOff = tuple[int, tuple[int, ...]]
"""How low a cut-off lies, to be compared: locked, a rank, open."""
LOCKED: CutOff = (0, ())
OPEN: CutOff = (2, ())


class Run:
    """A stored run, as far as it makes sense: places of known people in sections that there are."""

    def __init__(self, snapshot: bytes, result: bytes) -> None:
        self.names = {
            "snapshot": hashlib.sha256(snapshot).hexdigest(),
            "result": hashlib.sha256(result).hexdigest(),
        }
        self.snapshot, self.result = Snapshot(parse(snapshot)), parse(result)
        self.wrong: list[str] = []
        self.places: dict[str, tuple[str, int]] = {}
        for person, course, number in self.result["places"]:
            if person not in self.snapshot.people:
                self.wrong.append(f"unknown: nobody waits as {person}")
            elif person in self.places:
                self.wrong.append(f"twice: {person} is placed more than once")
            elif course not in self.snapshot.courses or self.snapshot.section(course, number) is None:
                self.wrong.append(f"unknown: {person} is placed in {course}, section {number}")
            else:
                self.places[person] = (course, number)
        self.counts = Counter(course for course, _ in self.places.values())
        self.occupancy = Counter(node for person in self.places for node in self.way(person))

    def way(self, person: str) -> list[Node]:
        """List the nodes in which a placed person sits."""
        return self.snapshot.path(self.snapshot.people[person], *self.places[person])

    def runs(self, course: str) -> bool:
        """Return whether a course starts after this run."""
        return not self.snapshot.needs[course] or self.counts[course] > 0


def findings(snapshot: bytes, result: bytes, certificate: bytes | None = None) -> list[str]:
    """List everything that is wrong with a run; each finding begins with its kind.

    Raises:
        ValueError: the snapshot or certificate is of another form.
    """
    return of_run(Run(snapshot, result), certificate)


def of_run(run: Run, certificate: bytes | None = None) -> list[str]:
    """List the same for a run that has been read."""
    if run.snapshot.data["form"] != FORM:
        raise ValueError(f"snapshot form {run.snapshot.data['form']} is not {FORM}")
    wrong = [
        *run.wrong,
        *_eligibility(run),
        *_capacity(run),
        *_starts(run),
        *_families(run),
        *_tiers(run),
    ]
    if certificate is None:
        return wrong
    claims = parse(certificate)
    if claims["form"] != CERTIFICATE_FORM:
        raise ValueError(f"certificate form {claims['form']} is not {CERTIFICATE_FORM}")
    for name, sha256 in run.names.items():
        if claims[name] != sha256:
            wrong.append(f"certificate: it belongs to another {name}")
    return [*wrong, *_listed(run, claims), *_priority(run, claims)]


def _eligibility(run: Run) -> Iterator[str]:
    snapshot = run.snapshot
    for person, (course, number) in run.places.items():
        failed = snapshot.forbidden(person, course, number)
        if failed:
            yield f"ineligible: {person} may not enter {course}, section {number}: {', '.join(failed)}"


def _capacity(run: Run) -> Iterator[str]:
    for node, count in sorted(run.occupancy.items()):
        name, number, door = node
        if count > run.snapshot.seats(node):
            kind = "quota" if door else "over capacity"
            yield f"{kind}: {count} for {run.snapshot.seats(node)} seats of {name}, section {number}"


def _starts(run: Run) -> Iterator[str]:
    snapshot = run.snapshot
    needs = {name: need for name, need in snapshot.needs.items() if need}
    for name, need in needs.items():
        if 0 < run.counts[name] < need:
            yield f"under minimum: {name} starts with {run.counts[name]} of {need} missing people"
    started = Counter(name for name in needs if run.counts[name])
    if started != Counter(run.result["started"]):
        yield "started: the courses named are not those that got people"
    wanted = {name for person in snapshot.people for name, _ in snapshot.allowed(person)}
    if {name for name in needs.keys() & wanted if not run.counts[name]} != set(run.result["closed"]):
        yield "closed: the courses named are not those that somebody could enter and nobody got"


def _families(run: Run) -> Iterator[str]:
    for names in run.snapshot.families:
        courses = {run.places[name][0] if name in run.places else None for name in names}
        if len(courses) > 1:
            yield f"family: {', '.join(names)} are not in the same course"


def sums(run: Run) -> Iterator[tuple[str, int]]:
    """Add up every goal over the places, in the policy's order; the lot decides last."""
    snapshot = run.snapshot
    who, values = [snapshot.people[person] for person in run.places], Values(snapshot)
    for goal in snapshot.policy["goals"]:
        if goal == "priority":
            classes = Counter(map(snapshot.code_of, who))
            yield from (
                (known["code"], classes[known["code"]]) for known in snapshot.rules["priorities"]["classes"]
            )
        elif goal == "waiting":
            yield goal, sum(map(snapshot.waited, who))
        else:
            yield goal, sum(_value(run, values, goal, person) for person in run.places)
    numbered = snapshot.data.get("numbered", False)  # lots are drawn from ids that a published run leaves out
    yield "lot", 0 if numbered else sum(lot(person, *place) for person, place in run.places.items())


def _value(run: Run, values: Values, goal: str, person: str) -> int:
    """Return what a place is worth under a goal; nothing if its course type is not the person's."""
    who, (name, number) = run.snapshot.people[person], run.places[person]
    course, section = run.snapshot.courses[name], run.snapshot.section(name, number)
    assert section is not None  # noqa: S101 -- Run has left out what is unknown
    return values.of(goal, who, course, section) if course["course_type"] in who["course_types"] else 0


def _tiers(run: Run) -> Iterator[str]:
    told = [(tier["name"], tier["value"]) for tier in run.result["tiers"]]
    added = list(sums(run))
    if [name for name, _ in told] != [name for name, _ in added]:
        yield f"tiers: {[name for name, _ in told]} are not the policy's goals"
        return
    for (name, value), (_, total) in zip(told, added, strict=True):
        if value != total and not (name == "lot" and run.snapshot.data.get("numbered", False)):
            yield f"tiers: {name} adds up to {total}, not to {value}"
    yield from _proofs(run)


def _proofs(run: Run) -> Iterator[str]:
    for tier in run.result["tiers"]:
        if tier["bound"] < tier["value"] or (tier["proven"] and tier["bound"] != tier["value"]):
            yield f"tiers: {tier['name']} has {tier['value']} and is bounded by {tier['bound']}"
    if run.result["status"] == "optimal" and not all(tier["proven"] for tier in run.result["tiers"]):
        yield "tiers: called optimal, and not proven"


def leading(goals: list[str]) -> list[str]:
    """Return the goals before the first that compares pairs."""
    first = next((at for at, goal in enumerate(goals) if goal not in {"priority", "waiting"}), len(goals))
    return goals[:first]


def _listed(run: Run, claims: Json) -> Iterator[str]:
    """Check what the certificate says it takes as given."""
    snapshot, locks = run.snapshot, claims["locks"]
    given = {
        "families": snapshot.families,
        "held": sum(bool(one.get("held")) for one in snapshot.people.values()),
        "excluded": sum(
            bool(one.get("barred_courses") or one.get("barred_providers")) for one in snapshot.people.values()
        ),
        "decided": [
            [name, one["decision"]] for name, one in sorted(snapshot.courses.items()) if one.get("decision")
        ],
        "quotas": sorted(quota["name"] for quota in snapshot.policy["quotas"]),
        "seated": sum(one.get("seated", 0) for one in snapshot.courses.values()),
    }
    for name, value in given.items():
        if locks.get(name) != value:
            yield f"certificate: what it takes as given is not so: {name}"
    for name in ("started", "closed"):
        if claims[name] != run.result[name]:
            yield f"certificate: other courses are {name}"
    if claims["rank"] != leading(snapshot.policy["goals"]):
        yield "certificate: it ranks by other goals than the policy"


class CutOffs:
    """The cut-offs that a certificate claims, and the full nodes for which it claims none."""

    def __init__(self, run: Run, claims: Json) -> None:
        self.run, self._missing = run, set[Node]()
        self._claimed: Mapping[Node, CutOff] = {
            (course, section, door): _cut_off(value) for course, section, door, value in claims["cutoffs"]
        }
        self.full = {node for node, count in run.occupancy.items() if count >= run.snapshot.seats(node)}

    def is_full(self, node: Node) -> bool:
        """Return whether nobody more can sit in a node."""
        return node in self.full or self.run.snapshot.seats(node) == 0

    def at(self, path: list[Node]) -> CutOff:
        """Return the cut-off for whoever would enter along a path: that of the first full node."""
        first = next((node for node in path if self.is_full(node)), None)
        if first is None:
            return OPEN
        if first not in self._claimed:
            self._missing.add(first)
            return OPEN
        return self._claimed[first]

    def missing(self) -> Iterator[str]:
        """Name the full nodes for which nothing is claimed."""
        for course, section, door in sorted(self._missing):
            yield f"certificate: no cut-off for {course}, section {section}, door {door}"

    def claimed(self, node: Node) -> CutOff:
        """Return the cut-off of a full node."""
        return self.at([node])


def _cut_off(value: Any) -> CutOff:  # noqa: ANN401 - a JSON value
    match value:
        case "open":
            return OPEN
        case "locked":
            return LOCKED
        case _:
            return 1, tuple(value)


def _priority(run: Run, claims: Json) -> Iterator[str]:
    """Follow every chain of moves by one step: together the steps prove the claim for all chains."""
    snapshot, goals = run.snapshot, leading(run.snapshot.policy["goals"])
    if not goals:
        return
    cut_offs = CutOffs(run, claims)
    for name, person in snapshot.people.items():
        if name in snapshot.tied:
            continue
        own: CutOff = (1, snapshot.rank(name, goals))
        reached = {
            place: cut_offs.at(snapshot.path(person, *place))
            for place in snapshot.allowed(name)
            if run.runs(place[0])
        }
        if name in run.places:
            yield from _holds(run, cut_offs, name, own, reached)
        elif "priority" in goals or snapshot.waited(person):  # else the goals gain nothing by a seat
            yield from _waits(name, own, reached)
    yield from cut_offs.missing()


def _waits(name: str, own: CutOff, reached: Mapping[tuple[str, int], CutOff]) -> Iterator[str]:
    for (course, section), cut_off in reached.items():
        if cut_off == OPEN:
            yield f"priority: {name} waits, and a seat can be had in {course}, section {section}"
        elif cut_off > own:
            yield f"priority: {name} waits, and a worse claim sits in {course}, section {section}"


def _holds(
    run: Run, cut_offs: CutOffs, name: str, own: CutOff, reached: Mapping[tuple[str, int], CutOff]
) -> Iterator[str]:
    """Check that no cut-off is higher than that of somebody who sits there and could step back or aside."""
    aside = max((cut_off for place, cut_off in reached.items() if place != run.places[name]), default=LOCKED)
    for node in run.way(name):
        if cut_offs.is_full(node) and cut_offs.claimed(node) < max(own, aside):
            yield f"priority: the cut-off of {node[0]}, section {node[1]}, is too high: {name} sits there"
