"""Opens an XLSX workbook: its sheets, its shared texts and which of its numbers are dates.

The parts are read one element after the other and never as a whole. Nothing a workbook says about itself is
believed: neither the size of a sheet nor that of a part.
"""

import io
import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, cast
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml import DefusedXmlException
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

from schemas.envelope import Problem
from services.gateway.files.formats import UnreadableFileError, archive_kind
from services.gateway.files.text import clean, unescaped

MAX_UNPACKED = 128 * 1024 * 1024
_MAX_PARTS = 2_000
_MAX_STRINGS = 1_000_000
_MOST_CHILDREN = 70_000
"""Parts of one element: a row has 16,384 cells at most, a workbook 65,490 cell formats."""
_DEEPEST = 100
_ZEROS = re.compile(r"^0{2,15}$")
_DAMAGED = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, LookupError, ValueError,
    NotImplementedError, OverflowError, struct.error, lzma.LZMAError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Format:
    """How a workbook shows a number: as a date, or with leading zeros up to a width."""

    date: bool = False
    width: int = 0


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet: its name, whether people see it, and where its cells lie."""

    name: str
    visible: bool
    path: str


@dataclass(slots=True)
class Workbook:
    """An open workbook."""

    archive: zipfile.ZipFile
    parts: dict[str, str]
    sheets: list[SheetPart] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    formats: list[Format] = field(default_factory=list)
    from_1904: bool = False
    left: int = MAX_UNPACKED

    def elements(self, path: str, *tags: str) -> Iterator[Element]:
        """Read the elements with these names from a part, in order; each is gone when the next one comes.

        Raises:
            UnreadableFileError: the part is damaged, declares a DOCTYPE, or unpacks to too much.
        """
        try:
            with self.archive.open(self.parts[path.lower()]) as packed:
                yield from _elements(cast("IO[bytes]", _Counted(self, packed)), frozenset(tags))
        except DefusedXmlException:
            raise UnreadableFileError(Problem("xml_doctype")) from None
        except ParseError:
            raise UnreadableFileError(Problem("file_damaged")) from None
        except RuntimeError:  # zipfile asks for a password
            raise UnreadableFileError(Problem("file_encrypted")) from None
        except _DAMAGED:
            raise UnreadableFileError(Problem("file_damaged")) from None


class _Counted:
    """Reads a packed part and counts what it unpacks to."""

    def __init__(self, book: Workbook, packed: IO[bytes]) -> None:
        self._book, self._packed = book, packed

    def read(self, size: int = -1) -> bytes:
        chunk = self._packed.read(min(size, 1 << 16) if size > 0 else 1 << 16)
        self._book.left -= len(chunk)
        if self._book.left < 0:
            raise UnreadableFileError(Problem("zip_bomb"))
        return chunk


def _elements(source: IO[bytes], tags: frozenset[str]) -> Iterator[Element]:
    open_: list[Element] = []
    inside = 0
    for event, element in defusedxml.ElementTree.iterparse(source, events=("start", "end"), forbid_dtd=True):
        wanted = name_of(element) in tags
        if event == "start":
            open_.append(element)
            inside += wanted
            if len(open_) > _DEEPEST:
                raise UnreadableFileError(Problem("zip_bomb"))
            continue
        open_.pop()
        inside -= wanted
        if open_ and len(open_[-1]) > _MOST_CHILDREN:
            raise UnreadableFileError(Problem("zip_bomb"))
        if wanted and not inside:
            yield element
        if not inside and open_:
            open_[-1].remove(element)


def name_of(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: Element, name: str) -> str | None:
    """Return an attribute, whatever its namespace."""
    found = element.get(name)
    if found is not None:
        return found
    return next((value for key, value in element.items() if key.endswith(f"}}{name}")), None)


def open_workbook(raw: bytes) -> Workbook:
    """Open a workbook.

    Raises:
        UnreadableFileError: it is none, or is damaged, protected, or unpacks to too much.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
        infos = archive.infolist()
    except _DAMAGED:
        raise UnreadableFileError(Problem("file_damaged")) from None
    if len(infos) > _MAX_PARTS or sum(info.file_size for info in infos) > MAX_UNPACKED:
        raise UnreadableFileError(Problem("zip_bomb"))
    if any(info.flag_bits & 1 for info in infos):
        raise UnreadableFileError(Problem("file_encrypted"))
    names = {info.filename.replace("\\", "/").lstrip("/").lower(): info.filename for info in infos}
    book = Workbook(archive, names)
    main = _main_part(book)
    if main not in names:
        kind = archive_kind(frozenset(names))
        raise UnreadableFileError(Problem("file_of_other_kind", params={"kind": kind}))
    _read_main(book, main)
    return book


def _main_part(book: Workbook) -> str:
    if "_rels/.rels" in book.parts:
        for relation in book.elements("_rels/.rels", "Relationship"):
            target = (relation.get("Target") or "").lstrip("/")
            if (relation.get("Type") or "").endswith("/officeDocument") and target.lower().endswith(".xml"):
                return target.lower() if target.lower().startswith("xl/") else "xl/workbook.xml"
    return "xl/workbook.xml"


def _read_main(book: Workbook, main: str) -> None:
    folder = posixpath.dirname(main)
    relations: dict[str, str] = {}
    kinds: dict[str, str] = {}
    rels = f"{folder}/_rels/{posixpath.basename(main)}.rels"
    for relation in book.elements(rels, "Relationship") if rels in book.parts else ():
        target = relation.get("Target") or ""
        path = posixpath.normpath(target.lstrip("/") if target.startswith("/") else f"{folder}/{target}")
        relations[relation.get("Id") or ""] = path.lower()
        kinds[(relation.get("Type") or "").rpartition("/")[2]] = path.lower()
    for element in book.elements(main, "workbookPr", "sheet"):
        if name_of(element) == "workbookPr":
            book.from_1904 = (element.get("date1904") or "").lower() in {"1", "true", "on"}
            continue
        path = relations.get(attribute(element, "id") or "", "")
        if path in book.parts and "chartsheet" not in path:
            seen = (element.get("state") or "visible").lower() == "visible"
            book.sheets.append(SheetPart(clean(unescaped(element.get("name") or "")), seen, path))
    strings = kinds.get("sharedStrings", f"{folder}/sharedstrings.xml")
    styles = kinds.get("styles", f"{folder}/styles.xml")
    if strings in book.parts:
        for item in book.elements(strings, "si"):
            book.strings.append(rich_text(item))
            if len(book.strings) > _MAX_STRINGS:
                raise UnreadableFileError(Problem("zip_bomb"))
    if styles in book.parts:
        book.formats = _formats(book, styles)


def rich_text(item: Element) -> str:
    """Return the text of a cell without the reading aids (phonetic runs) of East Asian texts."""
    found: list[str] = []
    for child in item:
        match name_of(child):
            case "t":
                found.append(child.text or "")
            case "r":
                found += [part.text or "" for part in child if name_of(part) == "t"]
            case _:
                pass
    return unescaped("".join(found))


def _formats(book: Workbook, path: str) -> list[Format]:
    """Read which numbers are dates; the looks of cells are skipped, whatever they hold."""
    codes: dict[str, str] = {str(number): code for number, code in BUILTIN_FORMATS.items()}
    formats: list[Format] = []
    for element in book.elements(path, "numFmt", "cellXfs"):
        if name_of(element) == "numFmt":
            codes[element.get("numFmtId") or ""] = (element.get("formatCode") or "")[:255]
            continue
        formats = [_format(codes.get(xf.get("numFmtId") or "0", "General")) for xf in element]
    return formats


def _format(code: str) -> Format:
    dated: Any = is_date_format(code)
    return Format(date=bool(dated), width=len(code) if _ZEROS.match(code) else 0)
