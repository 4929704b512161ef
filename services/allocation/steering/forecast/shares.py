"""Who of those who register wants what: shares of types, levels and towns, with what little data can say.

Shares are Dirichlet posteriors. How fast they forget, and how much a small group leans on the whole, is
weighed by what would have foretold the data best, so that one town's three people a month do not become a
rate of their own.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from services.allocation.steering.forecast.rates import Floats, Ints, chances

KEEPS: Final = (0.9, 0.97, 1.0)
"""Of a week's weight, from week to week."""
WORTHS: Final = (5.0, 20.0, 80.0, 320.0)
"""People as which the shares of the whole count for a part of it."""
PRIOR: Final = 0.5
"""People as which all kinds together count before any are known."""
_LEAST: Final = 1e-3

gammaln = np.vectorize(math.lgamma, otypes=[np.float64])


def _likelihood(counts: Floats, known: Floats) -> float:
    """Return the logarithm of how likely counts are under a Dirichlet (Pólya), orders apart."""
    whole, n = known.sum(), counts.sum()
    of_kinds = float((gammaln(known + counts) - gammaln(known)).sum())
    return of_kinds + math.lgamma(whole) - math.lgamma(whole + n)


def _filtered(counts: Ints, prior: Floats, keeps: float) -> tuple[Floats, float]:
    """Learn shares from counts by week (kinds, weeks); return what is known and how well it foretold."""
    known, foretold = np.zeros_like(prior), 0.0
    for week in counts.T.astype(np.float64):
        known *= keeps
        foretold += _likelihood(week, known + prior)
        known = known + week
    return known, foretold


def drawn(chance: np.random.Generator, counts: Ints, draws: int) -> Floats:
    """Draw shares of kinds from counts by week (kinds, weeks); (draws, kinds)."""
    kinds = len(counts)
    prior = np.full(kinds, max(_LEAST, PRIOR / max(1, kinds)))
    found = [_filtered(counts, prior, keeps) for keeps in KEEPS]
    weights = chances([foretold for _, foretold in found])
    which = chance.choice(len(KEEPS), draws, p=weights)
    return _normed(chance, np.stack([known + prior for known, _ in found])[which])


def leaning(chance: np.random.Generator, parts: Floats, draws: int) -> list[Floats]:
    """Draw the shares of each part (parts, kinds), leaning on the others as much as they are alike."""
    whole = parts.sum(axis=0)
    likely = np.zeros(len(WORTHS))
    bases = [_base(whole - own, len(whole)) for own in parts]
    for own, base in zip(parts, bases, strict=True):
        likely += [_likelihood(own, worth * base) for worth in WORTHS]
    worths = np.asarray(WORTHS)[chance.choice(len(WORTHS), draws, p=chances(likely.tolist()))]
    return [_normed(chance, own + worths[:, None] * base) for own, base in zip(parts, bases, strict=True)]


def _base(counts: Floats, kinds: int) -> Floats:
    usual: Floats = (counts + PRIOR / kinds) / (counts.sum() + PRIOR)
    return usual


def _normed(chance: np.random.Generator, known: Floats) -> Floats:
    gammas = chance.standard_gamma(np.maximum(known, _LEAST))
    total = gammas.sum(axis=1, keepdims=True)
    shares: Floats = np.where(total > 0, gammas / np.maximum(total, 1e-300), 1 / gammas.shape[1])
    return shares


def weighted(counts: Ints, keeps: float) -> Floats:
    """Sum counts over weeks (the last axis), older ones counting less."""
    weights = keeps ** np.arange(counts.shape[-1] - 1, -1, -1, dtype=np.float64)
    found: Floats = counts @ weights
    return found


def split(chance: np.random.Generator, counts: Ints, shares: Floats) -> Ints:
    """Share out counts (draws, weeks) by shares (draws, kinds); (draws, weeks, kinds)."""
    found: Ints = chance.multinomial(counts, shares[:, None, :])
    return found
