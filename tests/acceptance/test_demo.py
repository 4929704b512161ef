"""`kurslotse demo --seconds` with real processes, seen from outside: pages, mails, metrics, topics."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from confluent_kafka import Producer

from schemas.providers import CourseCancelled
from services.simulator.doors.ledger import read_lines
from services.simulator.world import canaries
from tests.acceptance.checker import check
from tests.acceptance.installation import SERVICES, Installation
from tests.acceptance.wall import Scanner, scan_database, scan_files, scan_topics

pytestmark = pytest.mark.timeout(900)


def scanner(demo: Installation) -> Scanner:
    return Scanner(canaries.read(demo.simulator / "canaries.json"))


def test_it_ends_by_itself_with_a_summary(demo: Installation) -> None:
    assert demo.process.returncode == 0, demo.tail()
    text = demo.output.read_text()
    said = {
        name: int(value.replace(",", ""))
        for name, value in re.findall(r"^  (\w[\w ]*?) {2,}([\d,]+)$", text, re.MULTILINE)
    }
    for name in ("days played", "people registered", "proposals", "placements", "alerts", "deliveries"):
        assert said[name] > 0, (name, text[-3000:])
    assert "completions" in said
    assert said["refused unexpectedly"] == 0


def test_status_says_what_runs(demo: Installation) -> None:
    status = demo.seen["status"]
    assert {one["name"] for one in status["processes"]} >= {*SERVICES, "simulator"}
    assert all(one["pid"] for one in status["processes"] if one["name"] in SERVICES)
    assert status["addresses"]["console"].startswith("http://127.0.0.1:")
    assert sum(status["events"].values()) > 100
    assert status["lag"]
    ids = {one["id"] for one in status["invariants"]}
    assert {"I1", "I2", "I3", "I4"} <= ids
    assert [one for one in status["invariants"] if not one["ok"]] == []


def test_nothing_was_refused_that_should_have_been_taken(demo: Installation) -> None:
    refused = list(read_lines(demo.simulator / "refused.jsonl"))
    assert [row for row in refused if not row["wrong"]] == []
    assert {row["code"] for row in refused} & {"type_unknown", "id_reused", "json_malformed", "field_missing"}


async def test_every_accepted_id_had_its_effect_exactly_once(demo: Installation) -> None:
    verdict = await check(demo.simulator, demo.databases)
    assert verdict.wrong == []
    for name in ("I1", "I2", "I3", "I4", "I5", "I11", "steps taken once", "runs", "certificates", "reasons"):
        assert verdict.checked[name] > 0, name
    assert verdict.checked["I1"] > 500


async def test_the_checker_finds_what_was_lost_and_what_came_from_nowhere(
    demo: Installation, tmp_path: Path
) -> None:
    for name in ("ledger.jsonl", "mails.jsonl"):
        shutil.copy(demo.simulator / name, tmp_path / name)
    lost = {
        "publisher": "vhs-musterland",
        "id": "verloren-1",
        "type": CourseCancelled.type_,
        "day": "2025-10-07",
    }
    unknown = {"message_id": f"<{uuid4()}@kurslotse.invalid>", "to": [], "text": ""}
    for name, row in (("ledger.jsonl", lost), ("mails.jsonl", unknown)):
        with (tmp_path / name).open("a") as file:
            file.write(json.dumps(row) + "\n")
    wrong = (await check(tmp_path, demo.databases)).wrong
    assert len(wrong) == 2
    assert "verloren-1" in wrong[0]
    assert "belongs to no delivery" in wrong[1]


def test_the_coordinators_pages_show_the_days_work_and_no_name(demo: Installation) -> None:
    figures = demo.seen["figures"].json()
    assert figures["waiting"] > 50
    first = demo.seen["first page"]
    assert str(figures["waiting"]) in first.text or "warten" in first.text
    assert "erfunden" in first.text
    for name in ("first page", "proposals page", "courses page", "waiting page", "figures", "proposals"):
        answer = demo.seen[name]
        assert answer.status_code == 200, name
        assert list(scanner(demo).find(name, answer.text)) == []
    assert "Integrationskurs" in demo.seen["courses page"].text


def test_counsellors_and_clerks_have_their_pages(demo: Installation) -> None:
    assert demo.seen["inbox page"].status_code == 200
    assert demo.seen["desk page"].status_code == 200
    alerts = demo.seen["inbox"].json()["alerts"]
    assert {alert["office"] for alert in alerts} <= {"mbe-nord"}
    assert all(alert["reason"]["text"] for alert in alerts)


def test_mails_carry_a_reference_and_a_link_and_no_name(demo: Installation) -> None:
    mails = list(read_lines(demo.simulator / "mails.jsonl"))
    assert mails
    found = scanner(demo)
    for mail in mails:
        assert list(found.find("mail", mail)) == []
        assert "/inbox/" in mail["text"]
    assert max(Counter(mail["message_id"] for mail in mails).values()) <= 2


def test_what_nobody_answers_goes_to_the_offices_own_lead(demo: Installation) -> None:
    leads = {
        to for mail in read_lines(demo.simulator / "mails.jsonl") for to in mail["to"] if "leitung" in to
    }
    assert leads
    assert leads <= {f"leitung@{name}.kurslotse.invalid" for name in _ORGANISATIONS}


_ORGANISATIONS = ("wohlfahrt-nord", "wohlfahrt-sued", "jmd-musterland")


def test_metrics_count_completions_by_name_only(demo: Installation) -> None:
    for service in SERVICES:
        answer = demo.seen[f"{service} metrics"]
        assert answer.status_code == 200
        assert "kurslotse_" in answer.text


async def test_no_planted_word_is_found_outside_of_sealed_people(demo: Installation) -> None:
    found, looked = scanner(demo), {}
    assert len(found.words) > 500
    for service, address in demo.databases.items():
        leaks, looked[service] = await scan_database(found, address)
        assert leaks == [], service
    leaks, looked["topics"] = scan_topics(found, demo.kafka, demo.prefix)
    assert leaks == []
    leaks, looked["files"] = scan_files(found, visible_files(demo))
    assert leaks == []
    assert all(count > 100 for count in looked.values()), looked


def visible_files(demo: Installation) -> list[Path]:
    """Logs, metrics, status, output, and the state of everything but the simulator's own plan."""
    return [
        path
        for path in (
            *demo.home.glob("*.*"),
            *(demo.home / "log").iterdir(),
            *(demo.home / "work").glob("*.json"),
        )
        if path.is_file()
    ]


async def test_a_planted_leak_is_found_everywhere(demo: Installation) -> None:
    found = scanner(demo)
    word = max(found.words)
    address = demo.database("allocation")
    conn = await asyncpg.connect(address)
    try:
        await conn.execute("CREATE TABLE planted (note jsonb)")
        await conn.execute("INSERT INTO planted VALUES (jsonb_build_object('note', $1::text))", word)
        leaks, _ = await scan_database(found, address)
    finally:
        await conn.execute("DROP TABLE IF EXISTS planted")
        await conn.close()
    assert {leak.where.rpartition(" ")[2] for leak in leaks} == {"public.planted"}
    producer = Producer(demo.kafka)
    producer.produce(f"{demo.prefix}kurslotse.counts", headers=[("ce_subject", word.encode())], value=b"{}")
    assert producer.flush(20) == 0
    leaks, _ = scan_topics(found, demo.kafka, demo.prefix)
    assert {leak.where for leak in leaks} == {f"topic {demo.prefix}kurslotse.counts"}
    log = demo.home / "log" / "planted.log"
    log.write_text(f'{{"message": "registered {word}"}}\n')
    leaks, _ = scan_files(found, visible_files(demo))
    log.unlink()
    assert {leak.where for leak in leaks} == {"file planted.log"}
