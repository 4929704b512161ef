"""Changes files a little, byte by byte and, in a workbook, part by part."""

import io
import re
import zipfile
from collections.abc import Sequence
from random import Random

from tests.fuzz.corpus import VALUES, WORDS

_LONGEST = 300_000
_VALUE = re.compile(rb'="([^"]{0,200})"')
_TEXT = re.compile(rb">([^<>]{1,200})<")
_ELEMENT = re.compile(rb"<(\w+)[^<>]{0,80}>(?:[^<>]{0,80})</\1>|<\w+[^<>]{0,80}/>")


def mutated(chance: Random, corpus: Sequence[bytes]) -> bytes:
    """Return a file of the corpus with one to eight changes."""
    raw = chance.choice(corpus)
    if raw.startswith(b"PK") and chance.random() < 0.8:
        return _repacked(chance, raw, corpus)
    return _changed(chance, raw, chance.choice(corpus))


def _changed(chance: Random, raw: bytes, other: bytes) -> bytes:
    """Change an XML document mostly by its values and elements, anything else by its bytes."""
    if b"</" in raw and chance.random() < 0.75:
        for _ in range(chance.randint(1, 8)):
            raw = _changed_xml(chance, raw, other)
        return raw[:_LONGEST]
    return _changed_bytes(chance, raw, other)


def _changed_xml(chance: Random, raw: bytes, other: bytes) -> bytes:
    pattern = chance.choice((_VALUE, _TEXT, _ELEMENT))
    found = list(pattern.finditer(raw))
    if not found:
        return raw
    at = chance.choice(found)
    if pattern is _ELEMENT:
        return raw[: at.start()] + at[0] * chance.choice((0, 2, 2, 40)) + raw[at.end() :]
    texts = _TEXT.findall(other) or [b""]
    said = chance.choice(
        (chance.choice(WORDS), chance.choice(texts), chance.choice(VALUES).encode(), at[1] * 3, b"")
    )
    said = said.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b'"', b"&quot;")
    return raw[: at.start(1)] + said * chance.choice((1, 1, 1, 200)) + raw[at.end(1) :]


def _changed_bytes(chance: Random, raw: bytes, other: bytes) -> bytes:
    for _ in range(chance.randint(1, 8)):
        at, to = sorted(chance.randrange(len(raw) + 1) for _ in range(2))
        to = min(to, at + chance.choice((1, 4, 40, 4_000)))
        match chance.randrange(7):
            case 0:
                raw = raw[:at] + bytes((chance.randrange(256),)) + raw[at + 1 :]
            case 1:
                raw = raw[:at] + raw[to:]
            case 2:
                raw = raw[:at] + raw[at:to] * chance.choice((2, 3, 50)) + raw[to:]
            case 3:
                raw = raw[:at] + chance.choice(WORDS) * chance.choice((1, 1, 2, 300)) + raw[at:]
            case 4:
                raw = raw[:at] + chance.choice(WORDS) + raw[to:]
            case 5:
                start = chance.randrange(len(other) + 1)
                raw = raw[:at] + other[start : start + (to - at) * 2] + raw[at:]
            case _:
                raw = raw[:at] if chance.random() < 0.2 else raw[:at] + raw[to:] + raw[at:to]
        raw = raw[:_LONGEST]
    return raw


def _repacked(chance: Random, raw: bytes, corpus: Sequence[bytes]) -> bytes:
    """Change the parts of a workbook, not its packing: otherwise hardly anything gets past the archive."""
    parts, others = _parts(raw), _parts(chance.choice(corpus))
    for name in chance.sample(sorted(parts), k=min(len(parts), chance.randint(1, 2))):
        parts[name] = _changed(chance, parts[name], chance.choice(sorted(others.values())))
    if chance.random() < 0.1:
        del parts[chance.choice(sorted(parts))]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", chance.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def _parts(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}
