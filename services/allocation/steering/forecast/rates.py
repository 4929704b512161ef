"""How many register in a week: a level that wanders, weeks as uneven as they have been, a season if known.

The weekly level has a Gamma posterior in which a week counts less with every week that passes (the discount
model of Smith and Miller 1986; Harvey and Fernandes 1989). How fast it forgets is not fixed: several
rates are weighed by how well each would have foretold every week from those before it (prequential
likelihood, Dawid 1984). Where nothing changes almost all weeks count, which is the mean of everything;
where something has changed the last weeks do. Weeks vary more than by chance because offices send people in
bunches, or less because there are so many appointments in a week: their variance is a multiple of the mean
that is estimated from the same foretold weeks (quasi-Poisson), and as uncertain as few weeks leave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

KEEPS: Final = (0.8, 0.9, 0.95, 0.98, 1.0)
"""Of a week's weight, from week to week; all are as likely before anything is known."""
PRIOR_COUNT: Final = 0.5
"""Registrations in no time, before any are known (Jeffreys): never seen is not never to come."""
USUAL_EVENNESS: Final = 12.0
"""Weeks vary by 1/sqrt of this beside chance, as offices usually bunch; counts as `USUAL_WORTH` weeks."""
USUAL_WORTH: Final = 2.0
BEFORE_JUDGING: Final = 4
"""Weeks that are learnt from before the first one is foretold."""
LEAST_DISPERSION: Final = 0.05
YEAR_WEEKS: Final = 52
_NEXT_WEEKS: Final = np.array([0.25, 0.5, 0.25])
_MOST: Final = 2.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Memory:
    """The level as one rate of forgetting sees it at the end of the history."""

    keeps: float
    shape: float
    rate: float
    dispersion: float
    """Variance of a week as a multiple of its mean."""
    judged: float
    """Weeks' worth that the dispersion rests on."""
    likelihood: float
    """Logarithm of how well it would have foretold the weeks."""


def remembered(counts: Ints, exposure: Floats) -> tuple[Memory, ...]:
    """Learn the level from weekly counts, the oldest first; `exposure` is how strong each week usually is."""
    return tuple(_remembered(counts, exposure, keeps) for keeps in KEEPS)


def _remembered(counts: Ints, exposure: Floats, keeps: float) -> Memory:
    shape, rate, squares = PRIOR_COUNT, 1e-9, list[tuple[float, float]]()
    for week, (count, strength) in enumerate(zip(counts.tolist(), exposure.tolist(), strict=True)):
        shape, rate = keeps * shape, keeps * rate
        if week >= BEFORE_JUDGING:
            mean = max(1e-6, strength * shape / rate)
            spread = mean * (1 + strength / rate)
            squares.append(((count - mean) ** 2 / spread, spread))
        shape, rate = shape + count, rate + strength
    mean = shape / rate
    usual = USUAL_WORTH * (1 + mean / USUAL_EVENNESS)
    judged = USUAL_WORTH + len(squares)
    dispersion = max(LEAST_DISPERSION, (usual + sum(square for square, _ in squares)) / judged)
    likelihood = -0.5 * sum(
        square / dispersion + float(np.log(dispersion * spread)) for square, spread in squares
    )
    return Memory(keeps, shape, rate, dispersion, judged, likelihood)


def chances(likelihoods: Sequence[float]) -> Floats:
    """Turn logarithms of likelihoods into weights that sum to one."""
    found = np.asarray(likelihoods, dtype=np.float64)
    weights = np.exp(found - found.max())
    normed: Floats = weights / weights.sum()
    return normed


def drawn(
    chance: np.random.Generator, memories: Sequence[Memory], exposure: Floats, draws: int
) -> tuple[Ints, Floats]:
    """Draw the weeks ahead, and the level of each; (draws, ahead) both."""
    weights = chances([one.likelihood for one in memories])
    each = chance.multinomial(draws, weights)
    parts = [_some(chance, one, exposure, int(n)) for one, n in zip(memories, each, strict=True) if n]
    order = chance.permutation(draws)
    counts = np.concatenate([part for part, _ in parts])[order]
    return counts, np.concatenate([level for _, level in parts])[order]


def _some(chance: np.random.Generator, one: Memory, exposure: Floats, draws: int) -> tuple[Ints, Floats]:
    dispersion = np.maximum(
        LEAST_DISPERSION, one.dispersion * one.judged / chance.chisquare(one.judged, draws)
    )[:, None]
    worth = one.shape / one.dispersion
    level = chance.gamma(worth, 1 / worth, draws) * one.shape / one.rate
    levels = np.empty((draws, len(exposure)))
    for week in range(len(exposure)):
        kept = one.keeps * worth
        if one.keeps < 1:
            level = level * chance.beta(kept, worth - kept, draws) / one.keeps
        levels[:, week], worth = level, kept
    return _counted(chance, levels * exposure, dispersion), levels


def _counted(chance: np.random.Generator, means: Floats, dispersion: Floats) -> Ints:
    """Draw whole people with these means and variances that are multiples of them; (draws, weeks)."""
    beyond = np.broadcast_to(np.maximum(dispersion - 1, 1e-6), means.shape)
    uneven = chance.poisson(chance.gamma(np.maximum(means, 1e-9) / beyond, beyond))
    short = np.broadcast_to(np.clip(1 - dispersion, 1e-6, 1 - LEAST_DISPERSION), means.shape)
    tries = means / short
    whole = np.floor(tries + chance.random(means.shape)).astype(np.int64)
    even = chance.binomial(whole, short)
    counted: Ints = np.where(dispersion >= 1, uneven, even).astype(np.int64)
    return counted


def season(counts: Ints, day: date, ahead: int) -> tuple[Floats, Floats]:
    """Say how strong the weeks of the history and those ahead usually are; 1: nothing is known of it.

    A season takes a year to be seen, and is believed as far as the weeks of the year differ more than by
    chance (their differences are shrunk by the share of them that is not noise).
    """
    weeks = len(counts)
    if weeks < YEAR_WEEKS or not counts.sum():
        return np.ones(weeks), np.ones(ahead)
    places = np.array([_place(day + timedelta(weeks=week)) for week in range(-weeks, ahead)])
    past, coming = places[:weeks], places[weeks:]
    trend = _yearly(counts)
    sums = _smoothed(np.bincount(past, counts, YEAR_WEEKS).astype(np.float64))
    usual = _smoothed(np.bincount(past, trend, YEAR_WEEKS).astype(np.float64))
    differs = np.log((sums + PRIOR_COUNT) / (usual + PRIOR_COUNT))
    differs -= differs.mean()
    noise = float(np.mean(_spread(counts, trend) * (_NEXT_WEEKS**2).sum() / np.maximum(usual, 1)))
    seen = float(differs.var())
    believed = max(0.0, 1 - noise / seen) if seen > 0 else 0.0
    strength = np.clip(np.exp(believed * differs), 1 / _MOST, _MOST)
    return strength[past], strength[coming]


def _place(begins: date) -> int:
    """Number the weeks of a year by where their middle lies."""
    middle = begins + timedelta(days=3)
    return min(YEAR_WEEKS - 1, (middle.timetuple().tm_yday - 1) // 7)


def _yearly(counts: Ints) -> Floats:
    """Return the mean of the year around each week, so that a level that moves is no season."""
    summed = np.concatenate([[0], np.cumsum(counts)])
    half = YEAR_WEEKS // 2
    ends = np.clip(np.arange(len(counts)) + half, YEAR_WEEKS, len(counts))
    found: Floats = (summed[ends] - summed[ends - YEAR_WEEKS]) / YEAR_WEEKS
    return found


def _smoothed(values: Floats) -> Floats:
    found: Floats = np.convolve(np.concatenate([values[-1:], values, values[:1]]), _NEXT_WEEKS, "valid")
    return found


def _spread(counts: Ints, trend: Floats) -> float:
    """Estimate how much more than by chance neighbouring weeks differ: a season hardly shows in that."""
    steps = np.diff(counts) ** 2 / np.maximum(2e-6, trend[1:] + trend[:-1])
    return max(LEAST_DISPERSION, float(np.mean(steps)))
