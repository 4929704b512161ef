from datetime import date, timedelta
from pathlib import Path
from statistics import median

import pytest

from schemas.topics import EVENT_TYPES
from services.simulator.doors.ledger import Lines, read_lines
from services.simulator.play import Files, Simulation, load_memory
from services.simulator.summary import summarise
from services.simulator.world.canaries import read
from services.simulator.world.records import Records
from tests.unit.simulator.fake_kreis import FakeKreis

START = date(2025, 10, 6)
SEED = 11
PEOPLE = 400


def accepted_ids(path: Path) -> set[tuple[str, str, str]]:
    return {(row["publisher"], row["id"], row["type"]) for row in read_lines(path)}


async def play(directory: Path, fake: FakeKreis, days: int, *, people: int = PEOPLE) -> Simulation:
    memory = load_memory(directory, seed=SEED, start=START, people=people)
    simulation = Simulation(Records.of(memory), Files.open(directory), fake, [fake], fake, fake)
    try:
        while memory.days < days:
            await simulation.next_day()
    finally:
        simulation.files.close()
    return simulation


async def test_the_same_seed_says_the_same(tmp_path: Path) -> None:
    one, other = FakeKreis(), FakeKreis()
    await play(tmp_path / "one", one, 40)
    await play(tmp_path / "other", other, 40)
    assert one.sent == other.sent
    assert one.feeds == other.feeds


async def test_a_run_that_was_broken_off_says_what_an_uninterrupted_one_says(tmp_path: Path) -> None:
    whole = FakeKreis()
    await play(tmp_path / "whole", whole, 40)
    broken = FakeKreis()
    for requests in (40, 3, 17, 60, 1):
        broken.stop_after = requests
        with pytest.raises(ExceptionGroup):
            await play(tmp_path / "broken", broken, 40)
    broken.stop_after = None
    await play(tmp_path / "broken", broken, 40)
    assert broken.sent == whole.sent
    assert accepted_ids(tmp_path / "broken" / "ledger.jsonl") == accepted_ids(
        tmp_path / "whole" / "ledger.jsonl"
    )


async def test_the_ledger_holds_what_was_accepted_and_nothing_else(tmp_path: Path) -> None:
    fake = FakeKreis()
    await play(tmp_path, fake, 40)
    written = {(publisher, id_) for publisher, id_, _ in accepted_ids(tmp_path / "ledger.jsonl")}
    assert written == set(fake.sent) | {("vhs-anmeldung", "liste-2025-10-06")}
    refused = list(read_lines(tmp_path / "refused.jsonl"))
    assert refused
    assert all(row["wrong"] for row in refused)


async def test_a_season_looks_like_the_field(tmp_path: Path) -> None:
    fake = FakeKreis()
    simulation = await play(tmp_path, fake, 200, people=1500)
    said = {content["type"] for content in fake.sent.values()}
    assert {name for name, kind in EVENT_TYPES.items() if kind.kinds} <= said
    figures = summarise(simulation.memory, mails=0, repeats=0, seconds=1, days=1)
    assert figures["completions"] > 0
    assert figures["returns"] > 0
    assert figures["courses_cancelled"] > 0
    assert figures["events_refused_unexpectedly"] == 0
    waits = [(place.starts_on - place.registered).days / 7 for place in fake.started]
    assert 3 < median(waits) < 10
    assert all(place.version < 10 for place in fake.placements.values())


async def test_the_planted_words_are_listed_and_none_is_in_what_steering_may_know(tmp_path: Path) -> None:
    fake = FakeKreis()
    simulation = await play(tmp_path, fake, 20)
    words = read(tmp_path / "canaries.json")
    for number in simulation.memory.references:
        assert simulation.records.people[number].contact.family_name in words
    facts = [content["data"] for content in fake.sent.values() if "entitlement" in content["data"]]
    spoken = " ".join(str(data) for data in facts)
    assert not [word for word in words if word in spoken]


def test_a_line_cut_off_by_a_crash_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"id": 1}\n{"id": 2')
    lines = Lines(path)
    lines.add({"id": 3})
    lines.close()
    assert [row["id"] for row in read_lines(path)] == [1, 3]


async def test_questions_are_asked_on_working_days_only(tmp_path: Path) -> None:
    fake = FakeKreis()
    simulation = await play(tmp_path, fake, 1)
    await simulation.open_up(START)
    await simulation.open_up(START + timedelta(days=5))
    assert fake.asked == 1
