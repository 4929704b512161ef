"""Says in words and numbers what runs and what came of a demo."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def as_json(said: Mapping[str, Any]) -> str:
    """Everything, for programs; secrets are left out."""
    public = {name: value for name, value in said.items() if name not in ("control", "database_url", "kafka")}
    return json.dumps(public, indent=2, sort_keys=True) + "\n"


def as_text(said: Mapping[str, Any]) -> str:
    """The same in short, for people."""
    return "\n".join(_lines(said)) + "\n"


def _lines(said: Mapping[str, Any]) -> Iterator[str]:
    if not said.get("running"):
        yield f"Nothing runs in {said.get('home')}."
        return
    yield f"Running ({said.get('mode', '?')}), process {said.get('pid')}, time {said.get('now') or 'real'}"
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


def summary(said: Mapping[str, Any], played: Mapping[str, Any]) -> Iterator[str]:
    """What a demo came to."""
    services = said.get("services") or {}
    yield "Summary"
    for name, value in played.items():
        if isinstance(value, int | float | str):
            yield f"  {name.replace('_', ' '):<32} {value}"
    yield f"  {'events read':<32} {sum((said.get('events') or {}).values())}"
    for service, answer in services.items():
        for name, value in (answer.get("figures") or {}).items():
            yield f"  {service + ': ' + name.replace('_', ' '):<48} {value:g}"
    invariants = said.get("invariants") or ()
    broken = [one["id"] for one in invariants if not one["ok"]]
    yield f"  {'invariants checked':<32} {len(invariants)}" + (
        f", BROKEN: {', '.join(broken)}" if broken else ""
    )
