"""Says what an operator of the support side sees beside queues: mails and whether the conditions hold."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import asyncpg

from services.notifications.delivery import mail_test
from services.runtime.serve.status import OwnStatus
from services.runtime.web.languages import NOTHING, msgid
from services.runtime.web.oversight.operation import OwnLines

Status = Callable[[asyncpg.Connection, datetime], Awaitable[OwnStatus]]
TITLE = msgid("Mails and conditions")
YES, NO = msgid("yes"), msgid("no")
_OUTCOMES = {
    "sent": msgid("Mails of the last seven days: some were accepted"),
    "refused": msgid("Mails of the last seven days: a mailbox was refused"),
    "retry": msgid("Mails of the last seven days: some were put off"),
    "in_doubt": msgid("Mails of the last seven days: of some nobody knows whether they were taken"),
    "own_fault": msgid("Mails of the last seven days: our own server, sign-in or sender failed"),
}
"""How an attempt ended. Never how often: each mail is about one person who has consented."""
_CONDITIONS = {
    "I4": msgid("Every consented notice is raised, with its mail"),
    "I5": msgid("No mail is sent twice"),
    "I9": msgid("Nothing answered goes to the head of an office"),
}


def own_lines(status: Status | None) -> OwnLines:
    """Make the function that reads these lines; without `status` conditions are left out."""

    async def lines(conn: asyncpg.Connection, now: datetime) -> Sequence[tuple[str, str]]:
        last = await mail_test.last_test(conn)
        tested = NOTHING if last is None else (_ACCEPTED if last.accepted else _NOT_ACCEPTED)
        seen = {
            row["outcome"]
            for row in await conn.fetch(
                "SELECT DISTINCT outcome FROM delivery_attempt"
                " WHERE started_at > clock_timestamp() - interval '7 days'"
            )
        }
        found = [(_LAST_TEST, tested)]
        found += [(text, YES if outcome in seen else NO) for outcome, text in _OUTCOMES.items()]
        if status is not None:
            own = await status(conn, now)
            found.append((_DUE, YES if own.due else NO))
            found += [
                (_CONDITIONS[one.id], YES if one.ok else NO)
                for one in own.invariants
                if one.id in _CONDITIONS
            ]
        return found

    return lines


_LAST_TEST = msgid("Last test mail")
_ACCEPTED = msgid("accepted")
_NOT_ACCEPTED = msgid("not accepted")
_DUE = msgid("Something is due just now")
