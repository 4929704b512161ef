"""Writes what runs, and the summary of a demo, as text or JSON."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def as_json(said: Mapping[str, Any]) -> str:
    """Write a status as JSON, without secrets."""
    public = {name: value for name, value in said.items() if name not in ("control", "database_url", "kafka")}
    return json.dumps(public, indent=2, sort_keys=True) + "\n"


def as_text(said: Mapping[str, Any]) -> str:
    """Write a status in short, for people."""
    return "\n".join(_lines(said)) + "\n"


def _lines(said: Mapping[str, Any]) -> Iterator[str]:
    known = said.get("installation")
    if not said.get("running"):
        yield f"Nothing runs in {said.get('home')}" + (f", a {known['kind']} installation." if known else ".")
        return
    yield f"Running ({said.get('mode', '?')}), process {said.get('pid')}, time {said.get('now') or 'real'}"
    if known:
        yield f"  {'installation':<20} {known['kind']} {known['id']}"
    for name, address in (said.get("addresses") or {}).items():
        yield f"  {name:<20} {address}"
    for one in said.get("processes") or ():
        memory = f"{one['rss_bytes'] / 1e6:7.0f} MB" if "rss_bytes" in one else ""
        started = f"pid {one['pid']!s:<8} restarts {one['restarts']}"
        yield f"  {one['name']:<20} {one['state']:<10} {started} {memory}"
    if said.get("events"):
        yield f"  events               {sum(said['events'].values())}"
    yield from (f"  busy: {why}" for why in said.get("busy") or ())
    yield from (
        f"  INVARIANT BROKEN {one['id']} ({one['service']}): {one['detail']}"
        for one in said.get("invariants") or ()
        if not one["ok"]
    )


_SUMMARY = (
    ("days played", "played", "days_played"),
    ("people registered", "played", "people_registered"),
    ("events accepted at the doors", "gateway", "accepted"),
    ("proposals", "allocation", "proposals"),
    ("reservations", "allocation", "reservations"),
    ("placements", "allocation", "placements"),
    ("completions", "allocation", "completions"),
    ("alerts", "played", "alerts_seen"),
    ("deliveries", "played", "deliveries"),
    ("findings", "played", "findings"),
    ("refused unexpectedly", "played", "events_refused_unexpectedly"),
    ("requests said again", "played", "requests_repeated"),
)
"""Title of a line, who knows its figure (the simulator or a service), the figure's name there."""


def summary(said: Mapping[str, Any], played: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a demo's summary; `played` are the simulator's own figures."""
    known: dict[str, Mapping[str, Any]] = {
        name: answer.get("figures") or {} for name, answer in (said.get("services") or {}).items()
    }
    known["played"] = played
    yield f"Summary (business time {said.get('now')})"
    for title, who, name in _SUMMARY:
        value = known.get(who, {}).get(name)
        yield f"  {title:<30} {'unknown' if value is None else f'{value:,.0f}'}"
    yield f"  {'events read by the services':<30} {sum((said.get('events') or {}).values()):,}"
    restarts = sum(one["restarts"] for one in said.get("processes") or ())
    yield f"  {'processes started again':<30} {restarts}"
    invariants = said.get("invariants") or ()
    yield f"  {'invariants checked':<30} {len(invariants)}, broken: {', '.join(broken(said)) or 'none'}"


def broken(said: Mapping[str, Any]) -> list[str]:
    """Name the invariants that do not hold."""
    return [f"{one['service']}/{one['id']}" for one in said.get("invariants") or () if not one["ok"]]
