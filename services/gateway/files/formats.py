"""Tells what kind of file somebody has sent from its first bytes, so that a wrong one gets a clear answer."""

from schemas.envelope import Problem

ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OTHERS = (
    (b"%PDF", "PDF"),
    (b"{\\rtf", "RTF"),
    (b"\x1f\x8b", "GZIP"),
    (b"7z\xbc\xaf", "7z"),
    (b"Rar!", "RAR"),
    (b"BZh", "BZIP2"),
    (b"\xfd7zXZ", "XZ"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"SQLite format 3", "SQLite"),
)
_MARKUP = ((b"<!doctype html", "HTML"), (b"<html", "HTML"), (b"<table", "HTML"))
_LOOKED_AT = 256 * 1024


class UnreadableFileError(Exception):
    """A file cannot be read as what it should be; holds the problem to tell."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def other_format(raw: bytes) -> Problem | None:
    """Return what to say about a file that is neither text, XML nor a ZIP archive; None if it may be one."""
    if raw.startswith(_OLE[:4]):
        encrypted = raw.startswith(_OLE) and _ENCRYPTED in raw
        return Problem("file_encrypted" if encrypted else "file_old_excel")
    for mark, kind in _OTHERS:
        if raw.startswith(mark):
            return Problem("file_of_other_kind", params={"kind": kind})
    start = raw[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for mark, kind in _MARKUP:
        if start.startswith(mark):
            return Problem("file_of_other_kind", params={"kind": kind})
    return None


def archive_kind(names: frozenset[str]) -> str:
    """Return what a ZIP archive without a workbook is, by the lower-case names of its parts."""
    for part, kind in (
        ("xl/workbook.bin", "XLSB"),
        ("word/document.xml", "DOCX"),
        ("ppt/presentation.xml", "PPTX"),
        ("content.xml", "ODS"),
        ("index/document.iwa", "Numbers"),
    ):
        if part in names:
            return kind
    return "ZIP"
