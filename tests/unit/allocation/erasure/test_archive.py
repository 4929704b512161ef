"""Somebody erased from a stored run leaves no id, and what the run proves still holds."""

import orjson
import pytest

from services.allocation.erasure.archive import Parts, holds, rename
from services.allocation.steering.explain import remedies
from services.allocation.steering.explain.certificate import certificate_of
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.match import match
from services.checker import remedies as check_remedies
from services.checker import run as check_run
from tests.unit.allocation.regions.crowded import a_crowded_region

SIZES = ((20, 4), (60, 8), (40, 10))


def stored(seed: int) -> Parts:
    seen = a_crowded_region(seed, *SIZES[seed % 3])
    result = match(seen)
    found = remedies.as_json(remedies.remedies_of(seen, result), seen)["each"]
    return Parts(
        snapshot.encode(seen),
        matching.encode(result),
        certificate_of(seen, result),
        orjson.dumps(found, option=orjson.OPT_SORT_KEYS),
    )


def everything(parts: Parts) -> bytes:
    return parts.snapshot + parts.result + (parts.certificate or b"") + (parts.remedies or b"")


@pytest.mark.parametrize("seed", range(9))
def test_a_run_verifies_without_whoever_was_erased(seed: int) -> None:
    parts = stored(seed)
    seen = snapshot.decode(parts.snapshot)
    for person in seen.people[:: max(1, len(seen.people) // 8)]:
        renamed = rename(parts, [person.id])
        assert not holds(renamed.parts.snapshot, [person.id])
        after = everything(renamed.parts)
        gone = {str(person.id), person.id.hex}
        gone |= {str(person.family)} if person.family else set()
        gone |= {str(person.offer.placement)} if person.offer else set()
        assert not [one for one in gone if one.encode() in after]
        read = check_run.Run(renamed.parts.snapshot, renamed.parts.result)
        assert check_run.of_run(read, renamed.parts.certificate) == []
        assert check_remedies.of_run(read, orjson.loads(renamed.parts.remedies or b"[]")) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_order_and_everything_else_stay(seed: int) -> None:
    parts = stored(seed)
    before = snapshot.decode(parts.snapshot)
    gone = [person.id for person in before.people[::3]]
    renamed = rename(parts, gone)
    after = snapshot.decode(renamed.parts.snapshot)
    assert [one.id for one in after.people] == sorted(one.id for one in after.people)
    assert [one.registered_on for one in after.people] == [one.registered_on for one in before.people]
    assert {one.id for one in before.people} & {one.id for one in after.people} == {
        one.id for one in before.people
    } - set(gone)
    places, were = matching.decode(renamed.parts.result).places, matching.decode(parts.result).places
    names = {str(old): new for old, new in renamed.names.items()}
    assert {names.get(str(who), str(who)): entry for who, entry in were.items()} == {
        str(who): entry for who, entry in places.items()
    }
    assert check_run.findings(renamed.parts.snapshot, renamed.parts.result, renamed.parts.certificate) == []


def test_two_runs_give_the_same_person_different_names() -> None:
    parts = stored(1)
    person = snapshot.decode(parts.snapshot).people[5].id
    assert rename(parts, [person]).names[str(person)] != rename(parts, [person]).names[str(person)]


def test_the_sum_of_lots_does_not_betray_the_lot_of_the_id() -> None:
    """Whoever guesses the id could otherwise add up the lots and see whether the guess was right."""
    parts = stored(1)
    result = matching.decode(parts.result)
    person = next(iter(result.places))
    sums = {
        tier["value"] for _ in range(8) for tier in rename(parts, [person]).tiers if tier["name"] == "lot"
    }
    assert len(sums) > 1
