"""Writes a run's parts for outsiders: own people only, numbered through, without office and reference."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson


def of_own_kreise(raws: Mapping[str, Any], kreise: Sequence[str]) -> dict[str, Any]:
    """Leave the people of other Kreise out of a common run's parts, and say how many these are."""
    everybody = raws["snapshot"]["people"]
    people = [one for one in everybody if one.get("kreis", "") in {"", *kreise}]
    if len(people) == len(everybody):
        return dict(raws)
    own = {one["id"] for one in people}
    seen = {**raws["snapshot"], "people": people, "left_out": len(everybody) - len(people)}
    places = [place for place in raws["result"]["places"] if place[0] in own]
    found = {**raws, "snapshot": seen, "result": {**raws["result"], "places": places}}
    if "certificate" in raws:
        locks = raws["certificate"]["locks"]
        families = [family for family in locks["families"] if own.issuperset(family)]
        found["certificate"] = {**raws["certificate"], "locks": {**locks, "families": families}}
    return found


def with_numbers(raws: Mapping[str, Any]) -> dict[str, bytes]:
    """Write a run's parts with people numbered through; what they prove can be checked as before.

    The lots are drawn from ids, so that the last goal alone cannot be added up again.
    """
    numbers = {one["id"]: f"p{at + 1:06}" for at, one in enumerate(raws["snapshot"]["people"])}
    families = {name: f"f{at + 1:06}" for at, name in enumerate(_families(raws["snapshot"]))}
    people = [
        {
            **{name: value for name, value in one.items() if name not in {"office", "version", "offer"}},
            "id": numbers[one["id"]],
            **({"family": families[one["family"]]} if one.get("family") else {}),
            **({"offer": {"entry": one["offer"]["entry"]}} if one.get("offer") else {}),
        }
        for one in raws["snapshot"]["people"]
    ]
    seen = {**raws["snapshot"], "people": people, "numbered": True}
    places = [[numbers[person], *place] for person, *place in raws["result"]["places"]]
    written = {"snapshot": _written(seen), "result": _written({**raws["result"], "places": places})}
    if "certificate" in raws:
        claims = dict(raws["certificate"])
        together = [sorted(numbers[one] for one in family) for family in claims["locks"]["families"]]
        claims["locks"] = {**claims["locks"], "families": together}
        for part in ("snapshot", "result"):
            claims[f"stored_{part}"] = claims[part]
            claims[part] = hashlib.sha256(written[part]).hexdigest()
        written["certificate"] = _written(claims)
    return written


def _families(seen: Mapping[str, Any]) -> list[str]:
    return sorted({one["family"] for one in seen["people"] if one.get("family")})


def _written(value: Any) -> bytes:  # noqa: ANN401 - a JSON value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
