"""Makes the mistakes of real publishers: late, duplicate, corrected, out of order and malformed events."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from schemas.providers import CourseAnnounced, ParticipantLeft, SectionCompleted
from schemas.support import AttendanceRecorded, SectionResultRecorded
from services.simulator.world import kreis, names
from services.simulator.world.calendar import is_working_day
from services.simulator.world.chance import chance, pick_one, stream
from services.simulator.world.records import Records, moment
from services.simulator.world.state import Delayed, Planned, State

LATE: Final = 0.03
DUPLICATE: Final = 0.02
CORRECTED: Final = 0.03
SHUFFLED: Final = 0.15
TYPO: Final = 0.02
SLOPPY: Final = ("lernwerkstatt", kreis.WELCOME)
"""The publishers whose programs are broken now and then."""

_MAY_BE_LATE: Final = frozenset(
    {AttendanceRecorded.type_, SectionResultRecorded.type_, ParticipantLeft.type_, CourseAnnounced.type_}
)


def make_mistakes(records: Records, day: date, planned: list[Planned]) -> list[Planned]:
    """Turn the events that are planned for a day into those that arrive at the doors."""
    state = records.state
    arriving = [delayed.planned for delayed in state.delayed if delayed.due <= day]
    state.delayed = [delayed for delayed in state.delayed if delayed.due > day]
    for event in planned:
        arriving.extend(_sent(state, day, _typo(state.seed, event)) if event.door == "event" else [event])
    if is_working_day(day):
        arriving.extend(_broken(records, day))
    return _order(records, day, arriving)


def _sent(state: State, day: date, said: Planned) -> Iterator[Planned]:
    """Yield the event if it is sent at once; put off what is sent late or again."""

    def put_off(kind: str, most: int, planned: Planned) -> None:
        days = stream(state.seed, "days late", said.id).randrange(1, most + 1)
        state.delayed.append(Delayed(due=day + timedelta(days=days), planned=planned))
        state.count(f"mess.{kind}")

    if said.type in _MAY_BE_LATE and chance(LATE, state.seed, "late", said.id):
        put_off("late", 5, said)
    else:
        yield said
    if chance(DUPLICATE, state.seed, "duplicate", said.id):
        put_off("duplicate", 3, said)
    if said.type == AttendanceRecorded.type_ and chance(CORRECTED, state.seed, "corrected", said.id):
        put_off("corrected", 6, _corrected(state.seed, said))


def _typo(seed: int, event: Planned) -> Planned:
    """Add a field that nobody knows, with a word that must not be kept."""
    if not chance(TYPO, seed, "typo", event.id):
        return event
    word = names.free_text(stream(seed, "typo text", event.id))
    return event.model_copy(update={"data": {**event.data, "bemerkung": word}})


def _corrected(seed: int, event: Planned) -> Planned:
    """Correct one mark: what was unexcused was excused, what was present was not."""
    entries = [dict(entry) for entry in event.data["entries"]]
    entry = pick_one(stream(seed, "which mark", event.id), entries)
    if entry["mark"] == "U":
        entry["mark"] = "E"
    else:
        entry.update(mark="X" if entry["mark"] == "E" else "E")
    entry["ue"] = event.data["ue_held"] if entry["mark"] == "X" else 0
    data = {key: value for key, value in event.data.items() if key != "bemerkung"}
    return event.model_copy(
        update={"id": f"{event.id}-k", "corrects": event.id, "data": {**data, "entries": entries}}
    )


def _order(records: Records, day: date, arriving: list[Planned]) -> list[Planned]:
    """Group by publisher; sloppy ones mix up their order on some days."""
    result: list[Planned] = []
    for publisher in (record["slug"] for record in kreis.PUBLISHERS):
        own = [event for event in arriving if event.publisher == publisher]
        own.sort(
            key=lambda event: event.door not in {"registration", "list"}
        )  # stable: people before what is said of them
        if publisher in SLOPPY and chance(SHUFFLED, records.state.seed, "shuffled", publisher, day):
            stream(records.state.seed, "shuffle", publisher, day).shuffle(own)
            _right_before_wrong(own)
            records.state.count("mess.shuffled_days")
        result.extend(own)
    return result


def _right_before_wrong(events: list[Planned]) -> None:
    """Let an id that is used twice stand for what was right: the doors take what comes first."""
    twice = Counter(event.id for event in events)
    places = [at for at, event in enumerate(events) if twice[event.id] > 1]
    for at, event in zip(
        places, sorted((events[at] for at in places), key=lambda one: one.wrong), strict=True
    ):
        events[at] = event


def _broken(records: Records, day: date) -> Iterator[Planned]:
    """Yield what a broken program sends, about once in two weeks for each kind of mistake."""
    seed = records.state.seed
    provider, office = SLOPPY
    course = SectionCompleted(course="GIBT-ES-NICHT-7", section=1, completed_on=day)

    def happens(kind: str) -> bool:
        return chance(0.08, seed, "broken", kind, day)

    if happens("json"):
        text = names.free_text(stream(seed, "json", day))
        body = f'{{"specversion": "1.0", "id": "kaputt-{day}", "data": {{"name": "{text}"'
        yield _raw(provider, f"kaputt-{day}", day, body)
    if happens("type"):
        yield _wrong(
            records.plan(provider, f"fremd-{day}", day, course), type="de.kurslotse.pizza-ordered.v1"
        )
    if happens("missing"):
        event = records.plan(provider, f"lueckenhaft-{day}", day, course)
        yield _wrong(event, data={"course": "E-IK-2599", "remark": names.free_text(stream(seed, "gap", day))})
    if happens("publisher"):
        yield _wrong(records.plan(office, f"angemasst-{day}", day, course))
    if happens("course"):
        yield records.plan(provider, f"unbekannt-{day}", day, course)
        records.state.count("mess.unknown_course")
    if happens("reused"):
        first = records.plan(provider, f"doppelt-{day}", day, course)
        second = SectionCompleted(course="GIBT-ES-NICHT-7", section=2, completed_on=day)
        yield first
        yield _wrong(records.plan(provider, f"doppelt-{day}", day, second))
        records.state.count("mess.id_reused")


def _wrong(event: Planned, **changed: object) -> Planned:
    return event.model_copy(update={**changed, "wrong": True})


def _raw(publisher: str, id_: str, day: date, body: str) -> Planned:
    return Planned(
        publisher=publisher,
        id=id_,
        type="?",
        time=moment(day),
        data={},
        door="raw",
        body=body,
        wrong=True,
    )
