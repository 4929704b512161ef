"""An independent check of a run: stored snapshot, result and certificate in, a list of findings out.

Standard library and orjson only; shares no code with what makes the runs. The certificate is checked as a
proof: whatever cut-offs it claims, if no line here objects, then nobody of lower rank holds a seat that
could have been made free for somebody of higher rank who waits (docs/decisions/0015-*.md).
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from services.checker.pairs import Node, Picture
from services.checker.tables import Json
from services.checker.values import Values, lot

FORM, CERTIFICATE_FORM = 2, 1
Bar = tuple[int, tuple[int, ...]]
"""How low a cut-off lies, to be compared: locked, a rank, open."""
LOCKED: Bar = (0, ())
OPEN: Bar = (2, ())


class Run:
    """A stored run, as far as it makes sense: places of known people in sections that there are."""

    def __init__(self, snapshot: bytes, result: bytes) -> None:
        self.names = {
            "snapshot": hashlib.sha256(snapshot).hexdigest(),
            "result": hashlib.sha256(result).hexdigest(),
        }
        self.picture, self.result = Picture(orjson.loads(snapshot)), orjson.loads(result)
        self.wrong: list[str] = []
        self.places: dict[str, tuple[str, int]] = {}
        for person, course, number in self.result["places"]:
            if person not in self.picture.people:
                self.wrong.append(f"unknown: nobody waits as {person}")
            elif person in self.places:
                self.wrong.append(f"twice: {person} is placed more than once")
            elif course not in self.picture.courses or self.picture.section(course, number) is None:
                self.wrong.append(f"unknown: {person} is placed in {course}, section {number}")
            else:
                self.places[person] = (course, number)
        self.counts = Counter(course for course, _ in self.places.values())
        self.sitting = Counter(node for person in self.places for node in self.way(person))

    def way(self, person: str) -> list[Node]:
        """List the nodes in which a placed person sits."""
        return self.picture.path(self.picture.people[person], *self.places[person])

    def families(self) -> list[list[str]]:
        """List who waits together with whom."""
        by_name: dict[str, list[str]] = defaultdict(list)
        for name, person in self.picture.people.items():
            if person.get("family"):
                by_name[person["family"]].append(name)
        return [sorted(names) for _, names in sorted(by_name.items()) if len(names) > 1]

    def runs(self, course: str) -> bool:
        """Say whether a course starts after this run."""
        return not self.picture.needs[course] or self.counts[course] > 0


def findings(snapshot: bytes, result: bytes, certificate: bytes | None = None) -> list[str]:
    """List everything that is wrong with a run; each finding begins with its kind.

    Raises:
        ValueError: the snapshot or certificate is of another form.
    """
    return of_run(Run(snapshot, result), certificate)


def of_run(run: Run, certificate: bytes | None = None) -> list[str]:
    """List the same for a run that has been read."""
    if run.picture.data["form"] != FORM:
        raise ValueError(f"snapshot form {run.picture.data['form']} is not {FORM}")
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
    claims = orjson.loads(certificate)
    if claims["form"] != CERTIFICATE_FORM:
        raise ValueError(f"certificate form {claims['form']} is not {CERTIFICATE_FORM}")
    for name, sha256 in run.names.items():
        if claims[name] != sha256:
            wrong.append(f"certificate: it belongs to another {name}")
    return [*wrong, *_listed(run, claims), *_priority(run, claims)]


def _eligibility(run: Run) -> Iterator[str]:
    picture = run.picture
    for person, (course, number) in run.places.items():
        failed = picture.forbidden(person, course, number)
        if failed:
            yield f"ineligible: {person} may not enter {course}, section {number}: {', '.join(failed)}"


def _capacity(run: Run) -> Iterator[str]:
    for node, count in sorted(run.sitting.items()):
        name, number, door = node
        if count > run.picture.seats(node):
            kind = "quota" if door else "over capacity"
            yield f"{kind}: {count} for {run.picture.seats(node)} seats of {name}, section {number}"


def _starts(run: Run) -> Iterator[str]:
    picture = run.picture
    for name, need in picture.needs.items():
        if need and 0 < run.counts[name] < need:
            yield f"under minimum: {name} starts with {run.counts[name]} of {need} missing people"
    started = {name for name, need in picture.needs.items() if need and run.counts[name]}
    if started != set(run.result["started"]) or len(started) != len(run.result["started"]):
        yield "started: the courses named are not those that got people"
    wanted = {name for person in picture.people for name, _ in picture.allowed(person)}
    closed = {name for name in wanted if picture.needs[name] and not run.counts[name]}
    if closed != set(run.result["closed"]):
        yield "closed: the courses named are not those that somebody could enter and nobody got"


def _families(run: Run) -> Iterator[str]:
    for names in run.families():
        courses = {run.places[name][0] if name in run.places else None for name in names}
        if len(courses) > 1:
            yield f"family: {', '.join(names)} are not in the same course"


def sums(run: Run) -> Iterator[tuple[str, int]]:
    """Add up every goal over the places, in the policy's order; the lot decides last."""
    picture = run.picture
    who, values = {person: picture.people[person] for person in run.places}, Values(picture)
    for goal in picture.policy["goals"]:
        if goal == "priority":
            classes = Counter(picture.code_of(person) for person in who.values())
            yield from (
                (known["code"], classes[known["code"]]) for known in picture.rules["priorities"]["classes"]
            )
        elif goal == "waiting":
            yield goal, sum(picture.waited(person) for person in who.values())
        else:
            total = 0
            for name, (course, number) in run.places.items():
                section = picture.section(course, number)
                assert section is not None  # noqa: S101 -- Run has left out what is unknown
                if picture.courses[course]["course_type"] in who[name]["course_types"]:
                    total += values.of(goal, who[name], picture.courses[course], section)
            yield goal, total
    numbered = picture.data.get("numbered", False)  # lots are drawn from ids that a published run leaves out
    yield "lot", 0 if numbered else sum(lot(person, *place) for person, place in run.places.items())


def _tiers(run: Run) -> Iterator[str]:
    told = [(tier["name"], tier["value"]) for tier in run.result["tiers"]]
    added = list(sums(run))
    if [name for name, _ in told] != [name for name, _ in added]:
        yield f"tiers: {[name for name, _ in told]} are not the policy's goals"
        return
    for (name, value), (_, total) in zip(told, added, strict=True):
        if value != total and not (name == "lot" and run.picture.data.get("numbered", False)):
            yield f"tiers: {name} adds up to {total}, not to {value}"
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
    picture, locks = run.picture, claims["locks"]
    given = {
        "families": run.families(),
        "held": sum(bool(one.get("held")) for one in picture.people.values()),
        "excluded": sum(
            bool(one.get("barred_courses") or one.get("barred_providers")) for one in picture.people.values()
        ),
        "decided": [
            [name, one["decision"]] for name, one in sorted(picture.courses.items()) if one.get("decision")
        ],
        "quotas": sorted(quota["name"] for quota in picture.policy["quotas"]),
        "seated": sum(one.get("seated", 0) for one in picture.courses.values()),
    }
    for name, value in given.items():
        if locks.get(name) != value:
            yield f"certificate: what it takes as given is not so: {name}"
    for name in ("started", "closed"):
        if claims[name] != run.result[name]:
            yield f"certificate: other courses are {name}"
    if claims["rank"] != leading(picture.policy["goals"]):
        yield "certificate: it ranks by other goals than the policy"


class Bars:
    """The cut-offs that a certificate claims, put to the question."""

    def __init__(self, run: Run, claims: Json) -> None:
        self.run, self._missing = run, set[Node]()
        self._claimed: Mapping[Node, Bar] = {
            (course, section, door): _bar(value) for course, section, door, value in claims["cutoffs"]
        }
        self.full = {node for node, count in run.sitting.items() if count >= run.picture.seats(node)}

    def is_full(self, node: Node) -> bool:
        """Say whether nobody more can sit in a node."""
        return node in self.full or self.run.picture.seats(node) == 0

    def at(self, path: list[Node]) -> Bar:
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

    def claimed(self, node: Node) -> Bar:
        """Return the cut-off of a full node."""
        return self.at([node])


def _bar(value: Any) -> Bar:  # noqa: ANN401 - a JSON value
    match value:
        case "open":
            return OPEN
        case "locked":
            return LOCKED
        case _:
            return 1, tuple(value)


def _priority(run: Run, claims: Json) -> Iterator[str]:
    """Follow every chain of moves by one step: together the steps prove the claim for all chains."""
    picture, goals = run.picture, leading(run.picture.policy["goals"])
    if not goals:
        return
    bars = Bars(run, claims)
    tied = {name for names in run.families() for name in names}
    for name, person in picture.people.items():
        if name in tied:
            continue
        own: Bar = (1, tuple(_rank(picture, person, goal) for goal in goals))
        reached = {
            place: bars.at(picture.path(person, *place))
            for place in picture.allowed(name)
            if run.runs(place[0])
        }
        if name in run.places:
            yield from _holds(run, bars, name, own, reached)
        elif "priority" in goals or picture.waited(person):  # else the goals gain nothing by a seat
            for (course, section), bar in reached.items():
                if bar == OPEN:
                    yield f"priority: {name} waits, and a seat can be had in {course}, section {section}"
                elif bar > own:
                    yield f"priority: {name} waits, and a worse claim sits in {course}, section {section}"
    yield from bars.missing()


def _rank(picture: Picture, person: Json, goal: str) -> int:
    return picture.class_of(person) if goal == "priority" else -picture.waited(person)


def _holds(
    run: Run, bars: Bars, name: str, own: Bar, reached: Mapping[tuple[str, int], Bar]
) -> Iterator[str]:
    """Check that no cut-off is higher than that of somebody who sits there and could step back or aside."""
    aside = max((bar for place, bar in reached.items() if place != run.places[name]), default=LOCKED)
    for node in run.way(name):
        if bars.is_full(node) and bars.claimed(node) < max(own, aside):
            yield f"priority: the cut-off of {node[0]}, section {node[1]}, is too high: {name} sits there"
