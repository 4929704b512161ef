"""Defines what racers do: everything that people, offices, providers and time do to places."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from services.allocation.acts.by_hand import ByHand
from services.allocation.acts.mergers import Merger, Mergers
from services.allocation.placements.results import DecidedBy
from services.allocation.placements.rulings import Deviate, Exclude, ExcludeCourse, ExcludeProvider
from tests.allocation import builders
from tests.allocation.builders import OFFICE, PROVIDER
from tests.faults.racer import COURSES, LATEST, WHY, Action, NothingThereError, Racer


def _if_there(action: Action) -> Action:
    async def work(racer: Racer, now: datetime) -> str:
        try:
            return await action(racer, now)
        except NothingThereError:
            return "nothing_there"

    work.__name__ = action.__name__
    return work


async def _propose(racer: Racer, now: datetime) -> str:
    own, provider, _ = racer.course()
    return (
        "done" if await racer.world.propose(racer.reference(), own=own, now=now, provider=provider) else "no"
    )


@_if_there
async def _approve(racer: Racer, now: datetime) -> str:
    found = await racer.placement("proposed", "sent_to_authority")
    present = racer.chance.random() < 0.3
    return await racer.command(
        lambda conn: racer.placements.approve_proposal(
            conn, DecidedBy("racer", now), found["placement"], present=present
        )
    )


@_if_there
async def _accept(racer: Racer, now: datetime) -> str:
    found = await racer.placement("reserved")
    return await racer.say(OFFICE, builders.accepted(found["placement"], found["reference"]), now)


@_if_there
async def _decline(racer: Racer, now: datetime) -> str:
    found = await racer.placement("reserved", "accepted")
    return await racer.say(OFFICE, builders.declined(found["placement"], found["reference"]), now)


@_if_there
async def _confirm(racer: Racer, now: datetime) -> str:
    found = await racer.placement("reserved", "accepted")
    said = builders.confirmed(found["placement"], found["participant"], found["own_course"])
    return await racer.say(found["provider"], said, now)


@_if_there
async def _refuse(racer: Racer, now: datetime) -> str:
    found = await racer.placement("reserved", "accepted", "confirmed")
    said = builders.refused(found["placement"], found["participant"], found["own_course"])
    return await racer.say(found["provider"], said, now)


@_if_there
async def _leave(racer: Racer, now: datetime) -> str:
    found = await racer.placement("accepted", "confirmed", "started")
    return await racer.say(found["provider"], builders.left(found["participant"], found["own_course"]), now)


async def _register(racer: Racer, now: datetime) -> str:
    return await racer.say(OFFICE, builders.registered(racer.reference()), now)


async def _withdraw(racer: Racer, now: datetime) -> str:
    return await racer.say(OFFICE, builders.withdrawn(racer.reference()), now)


async def _cancel(racer: Racer, now: datetime) -> str:
    own, provider, _ = racer.course()
    return await racer.say(provider, builders.cancelled(own), now)


async def _change_capacity(racer: Racer, now: datetime) -> str:
    """Announce with another capacity; a cancelled course comes back by it."""
    own, provider, _ = racer.course()
    return await racer.say(provider, builders.announced(own, capacity=racer.chance.randint(2, 5)), now)


async def _assign(racer: Racer, now: datetime) -> str:
    own = racer.chance.choice([own for own, provider in COURSES if provider == PROVIDER])
    said = builders.assigned(racer.reference(), own)
    return await racer.say(OFFICE, said.model_copy(update={"section": racer.chance.randint(1, 2)}), now)


async def _expire(racer: Racer, _now: datetime) -> str:
    return "done" if await racer.world.timers.expire(LATEST) else "nothing_there"


async def _start(racer: Racer, now: datetime) -> str:
    found = await racer.placement("confirmed")
    return await racer.command(
        lambda conn: ByHand(racer.placements).start(
            conn, DecidedBy("racer", now + timedelta(days=40)), found["placement"]
        )
    )


async def _lift(racer: Racer, _now: datetime) -> str:
    return "done" if await racer.world.timers.lift(LATEST) else "nothing_there"


async def _override(racer: Racer, now: datetime) -> str:
    who, (_, _, course) = racer.person(), racer.course()
    section = racer.chance.randint(1, 3)
    return await racer.command(
        lambda conn: racer.placements.override(conn, DecidedBy("racer", now, WHY), who, course, section)
    )


@_if_there
async def _give_up(racer: Racer, now: datetime) -> str:
    found = await racer.placement("reserved", "accepted", "confirmed")
    return await racer.command(
        lambda conn: racer.placements.give_up(conn, DecidedBy("racer", now, WHY), found["placement"])
    )


@_if_there
async def _withdraw_proposal(racer: Racer, now: datetime) -> str:
    found = await racer.placement("proposed", "sent_to_authority")
    again = racer.chance.random() < 0.8
    return await racer.command(
        lambda conn: racer.placements.withdraw_proposal(
            conn, DecidedBy("racer", now, WHY), found["placement"], again=again
        )
    )


@_if_there
async def _send_to_authority(racer: Racer, now: datetime) -> str:
    found = await racer.placement("proposed")
    return await racer.command(
        lambda conn: racer.placements.send_to_authority(conn, DecidedBy("racer", now), found["placement"])
    )


@_if_there
async def _refused_by_authority(racer: Racer, now: datetime) -> str:
    found = await racer.placement("sent_to_authority")
    return await racer.command(
        lambda conn: racer.placements.refused_by_authority(
            conn, DecidedBy("racer", now, WHY), found["placement"], again=True
        )
    )


async def _hold(racer: Racer, now: datetime) -> str:
    who, until = racer.person(), racer.chance.choice([None, now.date() + timedelta(days=1)])
    return await racer.command(lambda conn: racer.rules.hold(conn, DecidedBy("racer", now, WHY), who, until))


async def _end_hold(racer: Racer, now: datetime) -> str:
    who = await _one_of(racer, "SELECT participant FROM steering_hold WHERE lifted_at IS NULL")
    return await racer.command(lambda conn: racer.rules.end_hold(conn, DecidedBy("racer", now), who))


async def _exclude(racer: Racer, now: datetime) -> str:
    who, (_, provider, course) = racer.person(), racer.course()
    what: Exclude = ExcludeCourse(course) if racer.chance.random() < 0.5 else ExcludeProvider(provider)
    return await racer.command(
        lambda conn: racer.rules.exclude(conn, DecidedBy("racer", now, WHY), who, what)
    )


async def _end_exclusion(racer: Racer, now: datetime) -> str:
    which = await _one_of(racer, "SELECT id FROM steering_exclusion WHERE lifted_at IS NULL")
    return await racer.command(lambda conn: racer.rules.end_exclusion(conn, DecidedBy("racer", now), which))


async def _deviate(racer: Racer, now: datetime) -> str:
    who, what = racer.person(), Deviate(racer.chance.randint(1, 3), None)
    return await racer.command(
        lambda conn: racer.rules.deviate(conn, DecidedBy("racer", now, WHY), who, what)
    )


async def _rule_course(racer: Racer, now: datetime) -> str:
    _, _, course = racer.course()
    if racer.chance.random() < 0.6:
        return await racer.command(
            lambda conn: racer.rules.end_course_ruling(conn, DecidedBy("racer", now), course)
        )
    close = racer.chance.random() < 0.4
    return await racer.command(
        lambda conn: racer.rules.rule_course(
            conn, DecidedBy("racer", now, WHY), course, "close" if close else "start"
        )
    )


async def _one_of(racer: Racer, query: str) -> UUID:
    rows = await racer.world.rows(f"{query} ORDER BY random() LIMIT 1")
    return rows[0][0] if rows else uuid4()


async def _merge(racer: Racer, now: datetime) -> str:
    """Merge two courses as two coordinators may do at once, one this way and one the other way round."""
    (_, host_provider, host), (_, provider, course) = racer.chance.sample(
        [(own, slug, builders.course(own, slug)) for own, slug in COURSES], 2
    )
    seen = await racer.world.seen(host, course)
    merger = Merger(builders.KREIS, host, host_provider, ((course, provider),), seen)
    return await racer.told(
        lambda conn: Mergers(racer.rules).merge(conn, DecidedBy("racer", now, WHY), merger)
    )


async def _undo(racer: Racer, now: datetime) -> str:
    decision = await _one_of(racer, "SELECT id FROM pooling_decision")
    return await racer.told(
        lambda conn: Mergers(racer.rules).undo(conn, DecidedBy("racer", now, WHY), decision)
    )


async def _say_again(racer: Racer, now: datetime) -> str:
    """Deliver late what was said before under another id: an answer to what has long moved on."""
    rows = await racer.world.rows(
        """
        SELECT s.placement, w.reference, c.own_course, p.provider, p.participant FROM placement_step s
        JOIN placement p USING (placement) JOIN participant w USING (participant) JOIN course c USING (course)
        WHERE s.to_state IN ('accepted', 'declined', 'confirmed', 'refused') ORDER BY random() LIMIT 1
        """
    )
    if not rows:
        return "nothing_there"
    row = rows[0]
    match racer.chance.randrange(4):
        case 0:
            return await racer.say(OFFICE, builders.accepted(row["placement"], row["reference"]), now)
        case 1:
            return await racer.say(OFFICE, builders.declined(row["placement"], row["reference"]), now)
        case 2:
            said = builders.confirmed(row["placement"], row["participant"], row["own_course"])
            return await racer.say(row["provider"], said, now)
        case _:
            no = builders.refused(row["placement"], row["participant"], row["own_course"])
            return await racer.say(row["provider"], no, now)


async def _take_exit_back(racer: Racer, now: datetime) -> str:
    """Somebody leaves and the provider takes it back: the seat may be somebody else's by then."""
    found = await racer.placement("accepted", "confirmed", "started")
    said = builders.left(
        found["participant"], found["own_course"], kind=racer.chance.choice(["work", "transfer"])
    )
    gone = racer.world.event(found["provider"], said)
    code = await racer.heard(gone, now)
    if code != "done":
        return f"left_{code}"
    return await racer.say(found["provider"], said, now, retracts=gone.event.id)


async def _correct(racer: Racer, now: datetime) -> str:
    """Facts that were wrong from the start, in the middle of everything."""
    said = builders.registered(racer.reference(), needs_childcare=racer.chance.random() < 0.2)
    return await racer.say(OFFICE, said, now, corrects="e0")


async def _activate(racer: Racer, now: datetime) -> str:
    """Let the policy make steps automatic, or leave them to people again, while a run may be on."""
    racer.world.terms_now.steps = frozenset(
        step for step in ("release", "confirm", "send", "expire") if racer.chance.random() < 0.3
    )
    return "done" if await racer.world.timers.advance(now) else "nothing_there"


ACTIONS: dict[Action, int] = {
    _propose: 8,
    _approve: 10,
    _accept: 5,
    _decline: 3,
    _confirm: 4,
    _refuse: 2,
    _if_there(_start): 2,
    _leave: 1,
    _register: 4,
    _withdraw: 1,
    _cancel: 1,
    _change_capacity: 5,
    _assign: 1,
    _expire: 2,
    _lift: 1,
    _override: 5,
    _withdraw_proposal: 2,
    _give_up: 2,
    _send_to_authority: 2,
    _refused_by_authority: 1,
    _hold: 1,
    _end_hold: 3,
    _exclude: 2,
    _end_exclusion: 3,
    _deviate: 1,
    _rule_course: 2,
    _merge: 2,
    _undo: 1,
    _say_again: 2,
    _if_there(_take_exit_back): 2,
    _correct: 1,
    _activate: 2,
}
