"""Finds towns by name, postcode or key, as of a day: pure, over the whole directory in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from services.places.domain import LAENDER, Edition, Town, as_sorted, folded, is_ags

_ALIKE = 0.4
"""From this likeness of their trigrams on, a name may be what somebody meant who mistyped it."""
_SHORTEST_ALIKE = 4
MOST_FOUND = 20
LONGEST_QUERY = 100


@dataclass(frozen=True)
class Places:
    """The directory as of one moment of the database."""

    towns: Sequence[Town] = ()
    edition: Edition | None = None
    _by_ags: Mapping[str, list[Town]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_ags: dict[str, list[Town]] = {}
        for town in sorted(self.towns, key=lambda one: one.valid_from):
            by_ags.setdefault(town.ags, []).append(town)
        object.__setattr__(self, "_by_ags", by_ags)

    @cached_property
    def _kreise(self) -> Mapping[str, str]:
        named = sorted(self.towns, key=lambda town: town.valid_to)
        return {town.kreis: town.kreis_name for town in named if town.kreis_name}

    @cached_property
    def _indexed(self) -> Sequence["_Indexed"]:
        return [_Indexed(town, folded(town.short_name)) for town in as_sorted(self.towns)]

    def name(self, ags: str | None) -> str | None:
        """Return the name of a town or, for five digits, of a Kreis; None if it is not known."""
        periods = self._by_ags.get(ags or "")
        return periods[-1].short_name if periods else self._kreise.get(ags or "")

    def on(self, ags: str, day: date) -> Town | None:
        """Return a town as it was on a day; None: there was none."""
        return next((town for town in self._by_ags.get(ags, ()) if town.holds(day)), None)

    def ended(self, ags: str, day: date) -> Town | None:
        """Return a town that held last before a day and does not any more."""
        past = [town for town in self._by_ags.get(ags, ()) if town.valid_to <= day]
        return past[-1] if past and self.on(ags, day) is None else None

    def successors(self, ags: str, day: date) -> list[Town]:
        """Return the towns to which one that has ended belongs on a day, over several mergers."""
        found: dict[str, Town] = {}
        seen, ahead = {ags}, [ags]
        while ahead:
            town = self.ended(ahead.pop(), day)
            for key in town.successors if town else ():
                now = self.on(key, day)
                if now is not None:
                    found[key] = now
                elif key not in seen:
                    seen.add(key)
                    ahead.append(key)
        return as_sorted(list(found.values()))

    @cached_property
    def _told(self) -> frozenset[str]:
        return frozenset(town.kreis for town in self.towns)

    def unknown(self, ags: str) -> bool:
        """Return whether no edition has a town (eight digits) or Kreis (five), although one should.

        Nobody can say so of a Kreis that no edition tells, unless all Länder are loaded.
        """
        if ags in self._by_ags or ags in self._told:
            return False
        return ags[:5] in self._told or {key[:2] for key in self._told} >= LAENDER.keys()

    def may_name(self, kreis: str, named: Iterable[str], day: date) -> frozenset[str]:
        """Return the towns that a file of a Kreis may name: those of the day, and those `named` by its data.

        Empty where the directory does not know the Kreis: then nobody can say which towns there are.
        """
        if kreis not in self._told:
            return frozenset()
        return frozenset({*(town.ags for town in self.towns if town.holds(day)), *named})

    def kreise(self, day: date) -> Mapping[str, str]:
        """Return the Kreise that have a town on a day: key -> name, or the key where no file has told it."""
        held = {town.kreis for town in self.towns if town.holds(day)}
        return {ags: self._kreise.get(ags, ags) for ags in sorted(held)}

    def of(self, kreise: Iterable[str], day: date) -> list[Town]:
        """List the towns of some Kreise on a day, by name."""
        wanted = frozenset(kreise)
        return as_sorted([town for town in self.towns if town.kreis in wanted and town.holds(day)])

    def written(self, kreise: Iterable[str], day: date) -> dict[str, str]:
        """Return the keys of the towns of some Kreise by how lists write them: `00100 Musterstadt` and alike.

        A name or a postcode alone counts only if no other town of the day has it.
        """
        found: dict[str, set[str]] = {}
        for town in self.towns:
            if town.holds(day):
                for name in (town.short_name, *town.postcodes):
                    found.setdefault(name, set()).add(town.ags)
        own = self.of(kreise, day)
        alone = {
            name: town.ags
            for town in own
            for name in (town.short_name, *town.postcodes)
            if len(found[name]) == 1
        }
        both = {f"{code} {town.short_name}": town.ags for town in own for code in town.postcodes}
        return alone | both

    def search(
        self, text: str, day: date, *, kreise: Iterable[str] = (), most: int = MOST_FOUND
    ) -> list[Town]:
        """Return the towns that a text may mean on a day, the likeliest first.

        Those of `kreise` come before all others; then whole names, beginnings, words within, and if nothing
        fits, names that look alike. Digits are the beginning of a postcode, eight of them a key.
        """
        text = text.strip()[:LONGEST_QUERY]
        if is_ags(text):
            town = self.on(text, day)
            return [] if town is None else [town]
        asked = _Query.of(text)
        if asked is None:
            return []
        own = frozenset(kreise)
        ranked = [
            (one.town.kreis not in own, rank, at)
            for at, one in enumerate(self._indexed)
            if one.town.holds(day) and (rank := asked.rank(one)) is not None
        ]
        if not ranked:
            ranked = [
                (one.town.kreis not in own, -round(alike * 100), at)
                for at, one in enumerate(self._indexed)
                if one.town.holds(day) and (alike := asked.likeness(one)) >= _ALIKE
            ]
        return [self._indexed[at].town for _, _, at in sorted(ranked)[:most]]

    def meant(self, text: str, day: date, kreise: Iterable[str]) -> Town | None:
        """Return the one town of some Kreise that a text names wholly; None: no one, or more than one."""
        text = text.strip()[:LONGEST_QUERY]
        wanted = frozenset(kreise)
        if is_ags(text):
            town = self.on(text, day)
            return town if town is not None and town.kreis in wanted else None
        asked = _Query.of(text)
        whole = [
            one.town
            for one in self._indexed
            if asked is not None
            and one.town.kreis in wanted
            and one.town.holds(day)
            and asked.rank(one) == 0
            and asked.has_whole_postcode(one.town)
        ]
        return whole[0] if len(whole) == 1 else None


@dataclass(frozen=True)
class _Indexed:
    """A town with the ways in which its name may be typed."""

    town: Town
    names: tuple[str, ...]

    @cached_property
    def words(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(name.split()) for name in self.names)

    @cached_property
    def trigrams(self) -> tuple[frozenset[str], ...]:
        return tuple(_trigrams(name) for name in self.names)


@dataclass(frozen=True, slots=True)
class _Query:
    """What somebody typed: words of a name, and digits of a postcode."""

    names: tuple[str, ...]
    digits: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "_Query | None":
        forms = folded(text)
        digits = tuple(part for part in forms[0].split() if part.isdigit())
        names = tuple(" ".join(part for part in form.split() if not part.isdigit()) for form in forms)
        return cls(names, digits) if digits or names[0] else None

    def rank(self, one: _Indexed) -> int | None:
        """Return how well a town fits, 0 best; None: not at all."""
        if not all(any(code.startswith(part) for code in one.town.postcodes) for part in self.digits):
            return None
        ranks = [
            rank
            for name, words in zip(one.names, one.words, strict=True)
            for asked in self.names
            if (rank := _rank(asked, name, words)) is not None
        ]
        return min(ranks, default=None)

    def has_whole_postcode(self, town: Town) -> bool:
        return all(part in town.postcodes for part in self.digits)

    def likeness(self, one: _Indexed) -> float:
        """Return how much a name looks like what was typed, from 0 to 1."""
        if len(self.names[0]) < _SHORTEST_ALIKE or self.digits:
            return 0.0
        asked = [_trigrams(name) for name in self.names]
        return max(len(a & b) / len(a | b) for a in asked for b in one.trigrams)


def _rank(asked: str, name: str, words: tuple[str, ...]) -> int | None:
    if not asked:
        return 0
    if name == asked:
        return 0
    if name.startswith(asked):
        return 1
    parts = asked.split()
    if all(any(word.startswith(part) for word in words) for part in parts):
        return 2
    return 3 if all(part in name for part in parts) else None


def _trigrams(name: str) -> frozenset[str]:
    padded = f"  {name} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


def indexed(towns: Sequence[Town], edition: Edition | None) -> Places:
    """Return a directory whose index is made already; for all towns that takes part of a second."""
    places = Places(towns, edition)
    places.search("a", date.min)
    return places


def as_json(towns: Iterable[Town]) -> list[dict[str, str]]:
    """Write towns as the pages' searches answer them."""
    return [
        {"town": town.ags, "label": town.label, "name": town.short_name, "kreis": town.kreis_name}
        for town in towns
    ]


NOWHERE = Places()
"""No directory."""
