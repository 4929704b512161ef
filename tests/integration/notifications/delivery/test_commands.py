"""What an operator does about messages that were not accepted: sees where, and sends again for a reason."""

import asyncio

import pytest
from typer.testing import CliRunner

from services.notifications import commands
from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.runtime.data import roles
from tests.databases import Database
from tests.notifications.world import World


async def run(database: Database, *arguments: str) -> tuple[int, str]:
    """Run a command of its own loop, beside this one, on the world's database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "_where", lambda: (database.admin, ""))
        patch.setattr(roles, "database_name", lambda _prefix, _service: database.name)
        found = await asyncio.to_thread(CliRunner().invoke, commands.app, ["delivery", *arguments])
    return found.exit_code, found.output


async def test_failed_messages_are_listed_without_alerts_and_sent_again_for_a_reason(world: World) -> None:
    assert (await run(world.database, "failed"))[
        1
    ].strip() == "every message was accepted, and none came back"
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", "enrolment_notice")
    await world.enrol(person)
    await world.settle()
    world.server.answers = [Attempted(Outcome.REFUSED, 550, Fault.RECIPIENT_REFUSED)]
    await world.deliver()
    row = (await world.rows("SELECT delivery_id, alert_id FROM delivery WHERE state = 'failed'"))[0]
    _, told = await run(world.database, "failed")
    assert told.split() == [str(row["delivery_id"]), "mbe-probe", "email", "recipient_refused"]
    for arguments in ([str(row["delivery_id"])], [str(row["delivery_id"]), "--reason", " "]):
        assert (await run(world.database, "resend", *arguments))[0] == 2
    assert await world.value("SELECT count(*) FROM delivery_resend") == 0
    again = ("resend", str(row["delivery_id"]), "--reason", "Postfach ist repariert")
    assert (await run(world.database, *again))[1].strip() == "will be tried again"
    assert (await run(world.database, *again))[1].strip() == "no delivery of this id was refused or came back"
    (kept,) = await world.rows("SELECT resent_by, reason FROM delivery_resend")
    assert tuple(kept) == ("command", "Postfach ist repariert")
