"""Holds the rules that published before there was disclosure control: the attacks are seen to succeed."""

from collections.abc import Mapping

from tests.attacker.attack import Group, Statement

ENDLESS = None


def weekly(group: Group, parts: Mapping[str, int], total: str, k: int) -> list[Statement]:
    """Publish a table of a week with its total: below k suppressed, a single gap closed by a second."""
    hidden = {name for name, value in parts.items() if 0 < value < k}
    small = set(hidden)
    if len(hidden) == 1:
        others = sorted((value, name) for name, value in parts.items() if name not in hidden and value > 0)
        hidden |= {name for _, name in others[:1]}
    told = [
        Statement(group, name, 1, k - 1)
        if name in small
        else Statement(group, name, k if name in hidden else value, ENDLESS if name in hidden else value)
        for name, value in parts.items()
    ]
    everything = sum(parts.values())
    if len(hidden) != 1 and not 0 < everything < k:
        told.append(Statement(group, total, everything, everything))
    return told


def rounded(group: Group, parts: Mapping[str, int], total: str, k: int) -> list[Statement]:
    """Round each cell and the exact total down to a multiple of k, without a look at the group's size."""
    return [
        Statement(group, name, value // k * k, value // k * k + k - 1)
        for name, value in {**parts, total: sum(parts.values())}.items()
    ]
