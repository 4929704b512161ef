"""Runs `kurslotse keys status`, `rotate` and `retire`; each returns an exit status."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from services.embedded.machine.home import Home
from services.embedded.machine.installation import open_installation, retire_keks, rotate_kek
from services.embedded.stack.discovery import environment_of
from services.notifications.people.crypto import SealError
from services.notifications.people.keys import KekError, Keks, PersonSecrets, new_kek
from services.runtime.base.identity_key import IdentityKey
from services.runtime.base.settings import SettingsError, need
from services.runtime.data.db import open_pool

_AT_ONCE = 500


def status(home: Path | None) -> int:
    """Say how many secrets each KEK wraps; exit status 1 while one that is not current still wraps some."""
    return _told(lambda: _on_secrets(Home.find(os.environ, home), _say_who_wraps))


def rotate(home: Path | None) -> int:
    """Make a new KEK, or finish wrapping by the current one what another still wraps."""
    return _told(lambda: _rotate(Home.find(os.environ, home)))


def retire(home: Path | None) -> int:
    """Forget every KEK but the current one; refused while another one wraps something."""
    return _told(lambda: _retire(Home.find(os.environ, home)))


def _told(work: Callable[[], int]) -> int:
    """Run a command; what a person can correct is one line and exit status 2."""
    try:
        return work()
    except (SettingsError, KekError, SealError) as error:
        sys.stderr.write(f"kurslotse: {error}\n")
        return 2


def _rotate(place: Home) -> int:
    if _left_over(place):
        return _on_secrets(place, _wrap_all)
    if place.installation.exists():
        id_ = rotate_kek(place)
        sys.stdout.write(
            f"KEK {id_} is the current one once the services restart (kurslotse down, kurslotse up).\n"
            "The support side then wraps every secret by it; `kurslotse keys status` shows how far it is,\n"
            "and `kurslotse keys retire` forgets the old ones.\n"
        )
    else:
        sys.stdout.write(
            f"Put this before what KURSLOTSE_KEK holds, with a comma, and restart:\n{new_kek()}\n"
        )
    return 0


def _retire(place: Home) -> int:
    kept_here = place.installation.exists()
    # What is forgotten is in the file: whatever KURSLOTSE_KEK says, its current KEK must wrap everything.
    current = Keks.from_text(open_installation(place).shared.kek).current if kept_here else None
    if _on_secrets(place, lambda secrets: _count_old(secrets, current)):
        sys.stderr.write("Not done: an old KEK still wraps secrets; see `kurslotse keys status`.\n")
        return 1
    if not kept_here:
        sys.stdout.write(
            "Only the first KEK wraps secrets: leave only that one in KURSLOTSE_KEK, and restart.\n"
        )
        return 0
    gone = retire_keks(place)
    sys.stdout.write(
        f"{gone} old KEKs are forgotten. Backups of the keys that they wrap cannot be read now.\n"
    )
    return 0


def _left_over(place: Home) -> bool:
    try:
        return bool(_on_secrets(place, _count_old))
    except SettingsError:
        return False


async def _say_who_wraps(secrets: PersonSecrets) -> int:
    counts = await secrets.by_kek()
    for kek in sorted(counts.keys() | secrets.keks.by_id.keys()):
        role = "current" if kek == secrets.keks.current else "old"
        role = role if kek in secrets.keks.by_id else "NOT SET: nobody can read what it wraps"
        sys.stdout.write(f"{kek:<12} {counts.get(kek, 0):>8} secrets  {role}\n")
    return int(bool(counts.keys() - {secrets.keks.current}))


async def _count_old(secrets: PersonSecrets, current: str | None = None) -> int:
    counts = await secrets.by_kek()
    return sum(n for kek, n in counts.items() if kek != (current or secrets.keks.current))


async def _wrap_all(secrets: PersonSecrets) -> int:
    done = 0
    while wrapped := await secrets.rewrap(_AT_ONCE):
        done += wrapped
    sys.stdout.write(f"{done} secrets are wrapped by KEK {secrets.keks.current} now.\n")
    return 0


def _on_secrets(place: Home, work: Callable[[PersonSecrets], Awaitable[int]]) -> int:
    here = {**os.environ, "KURSLOTSE_HOME": str(place.root)}
    env = {**environment_of("notifications", here), **os.environ}

    async def run() -> int:
        address = need(env.get("KURSLOTSE_DB_KEYS"), "KURSLOTSE_DB_KEYS")
        keks = Keks.from_text(need(env.get("KURSLOTSE_KEK"), "KURSLOTSE_KEK"))
        identity = need(env.get("KURSLOTSE_IDENTITY_KEY"), "KURSLOTSE_IDENTITY_KEY")
        async with await open_pool(address, name="kurslotse keys", max_size=1) as pool:
            return await work(PersonSecrets(pool, keks, IdentityKey.from_text(identity)))

    return asyncio.run(run())
