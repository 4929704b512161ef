import gzip
import zlib
from pathlib import Path

import pytest

from tests.acceptance.wall import Leak, Scanner, scan_files

WORDS = ("Deipadruporim", "1986-10-31", "+491590033023567300", "kanarie-836fgy7e6j7jgt", "99001BG0000007")
MAIL = "deipadruporim@personen.kurslotse.invalid"
SCANNER = Scanner([*WORDS, MAIL])


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "hide",
    [
        lambda word: f"registered {word}, waiting",
        lambda word: f'{{"params": {{"x": "{word}"}}}}'.encode(),
        lambda word: {"deep": [({"value": word},)]},
        lambda word: {word: 1},
        lambda word: gzip.compress(f"a {word} b".encode()),
        lambda word: zlib.compress(f"a {word} b".encode()),
        lambda word: [("ce_subject", word.encode())],
    ],
)
def test_a_planted_word_is_found_wherever_it_hides(word: str, hide: object) -> None:
    assert callable(hide)
    assert Leak("here", word) in set(SCANNER.find("here", hide(word)))


def test_an_address_is_found_in_a_link() -> None:
    assert Leak("here", MAIL) in set(SCANNER.find("here", f"/inbox?to={MAIL.replace('@', '%40')}"))


def test_what_was_not_planted_is_no_leak() -> None:
    assert not list(SCANNER.find("here", "2025-10-06 Musterstadt kanarie-1 99001001 Deipa BG-100007"))


def test_a_leak_in_a_log_names_the_file(tmp_path: Path) -> None:
    log = tmp_path / "allocation.log"
    log.write_text('{"event": "started"}\n{"event": "oops", "detail": "Deipadruporim"}\n')
    assert scan_files(SCANNER, [log]) == ([Leak("file allocation.log", "Deipadruporim")], 2)


@pytest.mark.parametrize("start", [b"\x1f\x8b", b"\x78\x9c", b"\x78\xda"])
def test_a_hash_that_begins_like_something_compressed_is_read_as_it_is(start: bytes) -> None:
    assert not list(SCANNER.find("here", start + bytes(range(30))))
