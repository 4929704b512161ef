"""Files are read by processes of their own: whatever one costs, the gateway says it and goes on."""

import asyncio
import os
import signal
import subprocess
import sys
import zipfile
from io import BytesIO

import psutil
import pytest

from schemas.envelope import Problem
from services.gateway.files import reader as module
from services.gateway.files.courses.reading import CoursesAsked
from services.gateway.files.people.reading import PeopleAsked, PeopleRead
from services.gateway.files.reader import FileReader, ReadersBusyError, ReadingLimits
from services.gateway.files.reading import PEOPLE, answer
from services.runtime.base.settings import ServiceSettings, SettingsError
from tests.fixtures.gateway.files import (
    CASES,
    ROW,
    SETTINGS,
    TODAY,
    case,
    csv,
    list_xml,
    mapping,
    people,
    service,
    workbook,
)
from tests.identity import IDENTITY_KEY_TEXT
from tests.waiting import wait_until

ASKED = PeopleAsked(mapping(), ("99001",), TODAY)
COURSES = CoursesAsked(SETTINGS, ("99001",), (), {"K-0": {"title": "x"}})


async def test_what_the_process_read_is_what_was_read() -> None:
    reader = FileReader()
    for path in sorted(CASES.glob("[cx]*")):
        assert await reader.people(path.read_bytes(), ASKED, "amt") == PEOPLE.read.validate_json(
            answer("participants", PEOPLE.asked.dump_json(ASKED), path.read_bytes())
        )
    assert await reader.people(case("c01"), ASKED, "amt") == people(case("c01"))
    catalogue = await reader.courses(service(), COURSES, "amt")
    assert not isinstance(catalogue, Problem)
    assert catalogue.brought == {"K-1"}


async def test_a_file_that_takes_too_long_is_told() -> None:
    rows = csv(*(ROW.replace("001", str(n)) for n in range(15_000)))
    limits = ReadingLimits(cpu_seconds=1)
    assert await FileReader(limits=limits).people(rows, ASKED, "amt") == Problem("file_takes_too_long")
    late = ReadingLimits(wall_seconds=0.05)
    assert await FileReader(limits=late).people(rows, ASKED, "amt") == Problem("file_takes_too_long")


async def test_a_file_that_needs_too_much_memory_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    deep = b"<OPENQCAT>" + b"<a>" * 3_000_000
    limits = ReadingLimits(memory_bytes=400 * 1024 * 1024)
    assert await FileReader(limits=limits).courses(deep, COURSES, "amt") == Problem("file_needs_memory")
    assert capfd.readouterr().err == ""


def child_of_ours() -> psutil.Process:
    """Wait for a process that reads a file."""
    while True:
        for child in psutil.Process().children():
            if child.status() != psutil.STATUS_ZOMBIE:
                return child


async def test_a_process_that_is_killed_is_told_and_the_next_file_is_read() -> None:
    reader = FileReader(at_once=1)
    rows = csv(*(ROW.replace("001", str(n)) for n in range(19_000)))
    reading = asyncio.create_task(reader.people(rows, ASKED, "amt"))
    (await asyncio.to_thread(child_of_ours)).send_signal(signal.SIGKILL)
    assert await reading == Problem("file_needs_memory")
    assert isinstance(await reader.people(csv(ROW), ASKED, "amt"), PeopleRead)


async def test_only_so_many_files_are_read_at_once_and_the_rest_waits_or_is_sent_away() -> None:
    limits = ReadingLimits(waiting=2)
    reader = FileReader(at_once=1, limits=limits)
    most = running = 0

    async def ask(_self: FileReader, *_: object) -> Problem:
        nonlocal most, running
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return Problem("file_empty")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileReader, "_ask", ask)
        asked = [asyncio.create_task(reader.people(b"", ASKED, f"amt-{n}")) for n in range(5)]
        found = await asyncio.gather(*asked, return_exceptions=True)
    assert most == 1
    assert sum(isinstance(one, ReadersBusyError) for one in found) == 2
    assert sum(one == Problem("file_empty") for one in found) == 3


async def test_one_caller_with_many_files_keeps_no_other_out() -> None:
    reader, goes_on = FileReader(at_once=3), asyncio.Event()
    begun: list[str] = []

    async def ask(_self: FileReader, _name: str, _asked: bytes, raw: bytes) -> Problem:
        begun.append(raw.decode())
        await goes_on.wait()
        return Problem("file_empty")

    async def read(caller: str, n: int) -> str:
        try:
            await reader.people(f"{caller}-{n}".encode(), ASKED, caller)
        except ReadersBusyError as error:
            return "own" if error.of_caller else "all"
        return "read"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileReader, "_ask", ask)
        asked = [asyncio.create_task(read("amt", n)) for n in range(6)]
        asked += [asyncio.create_task(read("schule", n)) for n in range(2)]
        await wait_until(lambda: len(begun) == 2 and sum(one.done() for one in asked) == 3)
        assert begun == ["amt-0", "schule-0"]
        waiting = asyncio.create_task(read("beratung", 0))
        await wait_until(lambda: "beratung-0" in begun)
        asked[1].cancel()  # whoever does not wait any more leaves the place to another file
        await asyncio.wait({asked[1]})
        assert asked[1].cancelled()
        asked[1] = asyncio.create_task(read("amt", 6))
        goes_on.set()
        found = await asyncio.gather(*asked, waiting)
        assert await read("amt", 7) == "read"
    assert found == ["read"] * 3 + ["own"] * 3 + ["read"] * 3
    assert [one for one in begun if one.startswith("amt")] == ["amt-0", "amt-2", "amt-6", "amt-7"]


async def test_whoever_does_not_wait_any_more_leaves_no_process() -> None:
    reader = FileReader(at_once=1)
    rows = csv(*(ROW.replace("001", str(n)) for n in range(19_000)))
    reading = asyncio.create_task(reader.people(rows, ASKED, "amt"))
    await asyncio.to_thread(child_of_ours)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert psutil.Process().children() == []
    assert isinstance(await reader.people(csv(ROW), ASKED, "amt"), PeopleRead)


def test_a_fault_of_ours_is_told_by_its_place_never_by_what_the_file_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(raw: bytes, asked: object) -> PeopleRead:
        raise ValueError(f"Kanarienvogel {raw!r} {asked}")

    monkeypatch.setattr("services.gateway.files.reading._KINDS", {"participants": _with(broken)})
    told = answer("participants", PEOPLE.asked.dump_json(ASKED), b"Kanarienvogel")
    assert b"file_unexpected" in told
    assert b"ValueError" in told
    assert b"Kanarienvogel" not in told


def _with(function: object) -> object:
    return type(PEOPLE)(PEOPLE.name, PEOPLE.asked, PEOPLE.read, function)  # type: ignore[arg-type]


def test_where_the_platform_knows_no_limits_files_are_read_all_the_same() -> None:
    """As on Windows: no module `resource`, no signal of processor time."""
    code = (
        "import sys, signal; sys.modules['resource'] = None; del signal.SIGXCPU;"
        "from services.runtime.base import subprocesses; subprocesses.die_with = lambda parent: None;"
        "sys.argv = ['x', '0', '1', '1'];"
        "import services.gateway.files.reading as reading; reading.die_with = lambda parent: None;"
        "reading.main()"
    )
    frames = (b"participants", PEOPLE.asked.dump_json(ASKED), csv(ROW))
    sent = b"".join(len(one).to_bytes(8, "big") + one for one in frames)
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(
        [sys.executable, "-c", code], input=sent, capture_output=True, env=environment, check=True
    )
    assert PEOPLE.read.validate_json(done.stdout[8:]) == people(csv(ROW))


def bomb() -> bytes:
    """A workbook of 100 kB that unpacks to 100 MB of one row's cells."""
    out = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(workbook(list_xml()))) as given,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for info in given.infolist():
            content = given.read(info)
            if info.filename.endswith("sheet1.xml"):
                content = content.replace(b"</row>", b"<c><v>1</v></c>" * 7_000_000 + b"</row>", 1)
            made.writestr(info.filename, content)
    return out.getvalue()


async def test_a_small_file_that_becomes_a_huge_row_is_stopped() -> None:
    limits = ReadingLimits(memory_bytes=300 * 1024 * 1024, cpu_seconds=20)
    found = await FileReader(limits=limits).people(
        bomb(), PeopleAsked(mapping("mapping-xlsx"), ("99001",), TODAY), "amt"
    )
    assert found == Problem("zip_bomb")


def test_the_number_of_readers_is_a_setting() -> None:
    names = ("DB_WORKER", "DB_WEB", "DB_STATUS")
    env = {f"KURSLOTSE_{name}": "postgresql://a@127.0.0.1/b" for name in names}
    env |= {f"KURSLOTSE_{name}": "127.0.0.1:1" for name in ("HTTP", "OPS")}
    env |= {"KURSLOTSE_SERVICE_KAFKA": "kafka://127.0.0.1:1", "KURSLOTSE_IDENTITY_KEY": IDENTITY_KEY_TEXT}
    assert ServiceSettings.from_env("gateway", env).file_readers == 2
    assert ServiceSettings.from_env("gateway", env | {"KURSLOTSE_FILE_READERS": "5"}).file_readers == 5
    for wrong in ("0", "-1", "viele", "²"):
        with pytest.raises(SettingsError):
            ServiceSettings.from_env("gateway", env | {"KURSLOTSE_FILE_READERS": wrong})
    assert module.ReadingLimits().waiting == 8
