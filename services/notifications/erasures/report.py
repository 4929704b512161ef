"""Writes the report of an erasure, as JSON and as text for the data protection officer."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from services.notifications.erasures import store
from services.runtime.data.db import Connection

SUPPORT_SIDE = "notifications"
_DE = {"deleted": "gelöscht", "pseudonymised": "ohne Bezug zur Person", "destroyed": "vernichtet"}


async def report_of(conn: Connection, erasure: UUID) -> dict[str, Any] | None:
    """Return what every service has said about an erasure; None if there is no such erasure."""
    row = await store.erasure(conn, erasure)
    return None if row is None else as_json(row, await store.reports(conn, erasure))


async def desk_report_of(conn: Connection, erasure: UUID) -> dict[str, Any] | None:
    """Return what a desk may see of an erasure; None if the connection sees no such erasure.

    Which tables of the support side held something tells whether the person had consented. A desk may be an
    authority's, so it sees that everything there is gone, and not what it was.
    """
    report = await report_of(conn, erasure)
    for service, said in ({} if report is None else report["services"]).items():
        if service == SUPPORT_SIDE:
            said["erased"] = None
    return report


def as_json(row: asyncpg.Record, reports: Mapping[str, asyncpg.Record]) -> dict[str, Any]:
    """Write a report as a JSON value."""
    return {
        "erasure": str(row["erasure"]),
        "office": row["office"],
        "erased_on": row["erased_on"].isoformat(),
        "asked_at": row["asked_at"].isoformat(),
        "complete": row["completed_at"] is not None,
        "completed_at": None if row["completed_at"] is None else row["completed_at"].isoformat(),
        "missing": sorted(store.SERVICES - reports.keys()),
        "services": {
            service: {"acknowledged_at": said["acknowledged_at"].isoformat(), **said["report"]}
            for service, said in sorted(reports.items())
        },
    }


def as_text(report: Mapping[str, Any]) -> str:
    """Write a report as German text."""
    state = f"vollständig am {report['completed_at']}" if report["complete"] else "noch nicht vollständig"
    lines = [
        f"Löschung {report['erasure']}",
        f"verlangt von {report['office']} am {report['erased_on']}, {state}",
    ]
    lines += [f"es fehlt die Bestätigung von {service}" for service in report["missing"]]
    for service, said in report["services"].items():
        lines.append(f"\n{service}, bestätigt am {said['acknowledged_at']}")
        lines += _erased(said["erased"])
        for one in said["kept"]:
            until = f"bis {one['until']}" if one.get("until") else "auf Dauer"
            lines.append(f"  es bleibt {until}: {one['what']} ({one['basis']})")
    return "\n".join(lines) + "\n"


def _erased(rows: Sequence[Mapping[str, Any]] | None) -> list[str]:
    if rows is None:
        return ["  alles gelöscht, was zur Person gespeichert war"]
    return [
        f"  {one['table']}: Zeilen: {one['rows']}, {_DE.get(one['how'], one['how'])}" for one in rows
    ] or ["  nichts gefunden"]
