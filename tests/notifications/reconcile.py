"""Reconciles a running installation: what its offices should hear of, and what they were told.

    python -m tests.notifications.reconcile HOME

HOME is the folder of an installation that the simulator has played in. One side is what steering knows of
enrolments, the risks, and the consents that hold today; the other is alerts, deliveries, and the mails that
arrived. Prints both, and ends with 1 if they differ.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from schemas.codes import ENROLLED, ConsentPurpose
from schemas.days import local_day
from services.runtime.base.clock import clock_of
from services.simulator.doors.ledger import read_lines

Matter = tuple[UUID, str]
"""Placement or risk, and the purpose under which it may be told."""
_ENDED = frozenset({"done", "withdrawn"})


@dataclass
class Found:
    """What was compared, line by line, and what differs."""

    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def tell(self, what: str, *numbers: int) -> None:
        self.lines.append(f"{what:<62}" + "".join(f"{number:>9,}" for number in numbers))

    def none(self, what: str, some: Collection[object]) -> None:
        """Tell how many there are; there should be none."""
        self.tell(what, len(some))
        self.wrong += [f"{what}: {one}" for one in list(some)[:5]]


async def reconcile(home: Path) -> Found:
    """Compare both sides of an installation that runs."""
    facts = json.loads(await asyncio.to_thread((home / "run.json").read_text, "utf-8"))
    address = urlsplit(facts["database_url"])
    steering, support = [
        await asyncpg.connect(address._replace(path=f"/kurslotse_{side}").geturl())
        for side in ("allocation", "notifications")
    ]
    today = local_day(clock_of(home / "work" / "clock.json").now())
    try:
        enrolled = {
            row["placement"]: row["participant"]
            for row in await steering.fetch(
                "SELECT placement, participant FROM placement WHERE state = ANY($1::text[])", list(ENROLLED)
            )
        }
        risks = await support.fetch(
            "SELECT risk_id, participant_id, rule, purpose FROM risk WHERE state = 'open'"
        )
        consents = {
            (row["participant_id"], row["purpose"])
            for row in await support.fetch(
                "SELECT participant_id, purpose FROM consent WHERE ended_at IS NULL AND valid_until >= $1",
                today,
            )
        }
        ever = {
            (row["participant_id"], row["purpose"])
            for row in await support.fetch("SELECT participant_id, purpose FROM consent_step")
        }
        alerts = await support.fetch(
            "SELECT alert_id, matter, purpose, participant_id, state, withdrawn_for FROM alert"
        )
        deliveries = await support.fetch(
            "SELECT delivery_id, alert_id, recipient, channel, step, state, carried_by FROM delivery"
        )
    finally:
        await steering.close()
        await support.close()
    found = Found()
    matters: dict[str, dict[Matter, UUID]] = {
        "enrolments that go on": {
            (placement, ConsentPurpose.ENROLMENT_NOTICE): person for placement, person in enrolled.items()
        },
    }
    for row in sorted(risks, key=lambda row: row["rule"]):
        of_rule = matters.setdefault(f"open risks, {row['rule']}", {})
        of_rule[row["risk_id"], row["purpose"]] = row["participant_id"]
    _matters(found, matters, consents, alerts)
    _alerts(found, ever, alerts)
    _deliveries(found, alerts, deliveries)
    _mails(found, deliveries, home / "work" / "simulator" / "mails.jsonl")
    return found


def _matters(
    found: Found,
    matters: Mapping[str, Mapping[Matter, UUID]],
    consents: Collection[tuple[UUID, str]],
    alerts: Collection[asyncpg.Record],
) -> None:
    told = Counter((row["matter"], row["purpose"]) for row in alerts)
    open_ = {(row["matter"], row["purpose"]) for row in alerts if row["state"] not in _ENDED}
    found.lines.append(f"{'':<62}{'all':>9}{'consent':>9}{'alert':>9}{'without':>9}{'alert':>9}")
    missing, twice, untold = [], [], []
    for name, of_name in matters.items():
        allowed = [matter for matter, person in of_name.items() if (person, matter[1]) in consents]
        others = of_name.keys() - set(allowed)
        missing += [matter for matter in allowed if not told[matter]]
        twice += [matter for matter in of_name if told[matter] > 1]
        untold += [matter for matter in others if matter in open_]
        found.tell(
            name,
            len(of_name),
            len(allowed),
            sum(told[matter] == 1 for matter in allowed),
            len(others),
            sum(matter in open_ for matter in others),
        )
    found.none("under consent without an alert", missing)
    found.none("with two alerts", twice)
    found.none("without consent, with an alert that is open", untold)


def _alerts(found: Found, ever: Collection[tuple[UUID, str]], alerts: Collection[asyncpg.Record]) -> None:
    states = Counter(row["withdrawn_for"] or row["state"] for row in alerts)
    for state, number in sorted(states.items()):
        found.tell(f"alerts: {state}", number)
    found.none(
        "alerts about somebody who never consented to that purpose",
        [
            row["alert_id"]
            for row in alerts
            if row["participant_id"] is not None and (row["participant_id"], row["purpose"]) not in ever
        ],
    )


def _deliveries(
    found: Found, alerts: Collection[asyncpg.Record], deliveries: Collection[asyncpg.Record]
) -> None:
    of_alert = Counter(row["alert_id"] for row in deliveries)
    same = Counter((row["alert_id"], row["recipient"], row["channel"], row["step"]) for row in deliveries)
    for (channel, state), number in sorted(Counter((r["channel"], r["state"]) for r in deliveries).items()):
        found.tell(f"deliveries: {channel}, {state}", number)
    found.none(
        "alerts without a delivery", [row["alert_id"] for row in alerts if not of_alert[row["alert_id"]]]
    )
    found.none("deliveries twice", [key for key, number in same.items() if number > 1])


def _mails(found: Found, deliveries: Collection[asyncpg.Record], file: Path) -> None:
    by_mail = {
        str(row["delivery_id"]): str(row["carried_by"] or row["delivery_id"])
        for row in deliveries
        if row["channel"] == "email"
    }
    sent = {str(row["delivery_id"]) for row in deliveries if row["state"] == "sent"} & by_mail.keys()
    named = Counter(_named(file))
    found.tell("mails that arrived", sum(named.values()))
    found.tell("deliveries that they carried", sum(by_mail[one] in named for one in sent))
    found.none("sent by our word, and not arrived", [one for one in sent if by_mail[one] not in named])
    found.none("arrived twice", [one for one, number in named.items() if number > 1])
    found.none("arrived, and of no delivery", named.keys() - by_mail.keys())


def _named(file: Path) -> Iterator[str]:
    """Yield the delivery whose mail each of them is: its Message-ID."""
    for mail in read_lines(file):
        yield mail["message_id"].strip("<>").partition("@")[0]


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Compare what offices should hear of with what they were told."
    )
    parser.add_argument("home", type=Path, help="folder of the running installation")
    found = asyncio.run(reconcile(parser.parse_args().home))
    sys.stdout.write("\n".join([*found.lines, "", *(found.wrong or ["both sides agree"])]) + "\n")
    return int(bool(found.wrong))


if __name__ == "__main__":
    sys.exit(main())
