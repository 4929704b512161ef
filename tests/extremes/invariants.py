"""What holds after whatever was said: nothing crashed, every event has one fate, seats and consents hold."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from services.gateway.findings.catalogue import CATALOGUE
from services.runtime.data.db import connect
from tests.acceptance.checker import Verdict, check_runs
from tests.extremes.services import Service, told

_CRASHES = ("refused_after_crashes", "refused_by_database")
_ON_CONSENT = ("attendance", "section_result", "exam_result")


async def crashes(service: Service) -> list[str]:
    """Tell of each record, piece of work and step on which the service's code failed."""
    found = [
        f"{service.name}: {told(row)}"
        for row in await service.rows(
            'SELECT reader, topic, "offset", event_type, code, params FROM runtime.quarantine'
            " WHERE code = ANY($1::text[])",
            _CRASHES,
        )
    ]
    found += [
        f"{service.name}: {told(row)}"
        for row in await service.rows("SELECT task, item, attempts, error FROM runtime.work_failure")
    ]
    found += [f"{service.name}: {told(row)}" for row in await service.rows("SELECT * FROM runtime.paused")]
    for metric in service.registry.collect():
        if metric.name in {"kurslotse_consume_alarms", "kurslotse_consume_retries"}:
            found += [
                f"{service.name}: {sample.name} {sample.labels}"
                for sample in metric.samples
                if sample.value and sample.name.endswith("_total")
            ]
    return found + [f"{type(one).__name__}: {one} {one.__notes__}" for one in service.failures]


async def broken(service: Service, now: datetime) -> list[str]:
    """Tell which invariants of a service do not hold once all is read and worked off."""
    found = [
        f"one fate: {told(row)}"
        for row in await service.rows("SELECT * FROM status.one_fate WHERE violations > 0")
    ]
    conn = await connect(service.settings.db_status, name="extremes status")
    try:
        own = await service.definition.status(conn, now)
    finally:
        await conn.close()
    found += [f"{one.id}: {one.detail}" for one in own.invariants if not one.ok]
    found += [
        f"not in the catalogue of findings: {row['code']}"
        for row in await service.rows("SELECT DISTINCT code FROM runtime.quarantine")
        if row["code"] not in CATALOGUE
    ]
    async for sentence in _own(service):
        found.append(sentence)
    return [f"{service.name}: {one}" for one in found]


async def _own(service: Service) -> AsyncIterator[str]:
    match service.name:
        case "allocation":
            for sentence in await _steering(service):
                yield sentence
        case "notifications":
            for table in _ON_CONSENT:
                for row in await service.rows(_WITHOUT_CONSENT.format(table=table)):
                    yield f"{table} without consent: {told(row)}"


async def _steering(service: Service) -> Sequence[str]:
    rows = await service.rows(_GAPS)
    unanswered = await service.rows("SELECT kind, failed_code FROM analysis_task WHERE state = 'failed'")
    found = [f"steps with a gap: {told(row)}" for row in rows]
    found += [f"question without an answer: {told(row)}" for row in unanswered]
    found += [f"two places at once: {told(row)}" for row in await service.rows(_TWO_PLACES)]
    verdict = Verdict()
    await check_runs(verdict, service.settings.db_worker)
    return [*found, *verdict.wrong]


_GAPS = """
SELECT placement, count(*) AS n, max(version) AS last FROM placement_step
GROUP BY placement HAVING count(*) <> max(version)
"""
_TWO_PLACES = """
SELECT participant, course_kind, array_agg(state) AS states FROM placement
WHERE state IN ('proposed', 'sent_to_authority', 'reserved', 'accepted')
GROUP BY participant, course_kind HAVING count(*) > 1
"""
_WITHOUT_CONSENT = """
SELECT r.participant_id, count(*) AS n FROM {table} AS r
WHERE NOT EXISTS (
    SELECT FROM consent AS c WHERE c.participant_id = r.participant_id AND c.ended_at IS NULL)
GROUP BY r.participant_id
"""
