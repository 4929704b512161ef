"""Parses XML from outside safely: no DOCTYPE, no entities, limited in size."""

import re
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from schemas.envelope import Problem
from services.gateway.files.formats import ZIP, other_format
from services.gateway.files.text import clean

MAX_XML = 32 * 1024 * 1024
_DECLARED = re.compile(rb"^\s?<\?xml[^>]{0,80}encoding=[\"'](?!utf-?8)", re.IGNORECASE)


def parse(raw: bytes, limit: int = MAX_XML) -> Element | Problem:
    """Return the root element, names without namespaces, or why there is none."""
    if (refused := _refused(raw, limit)) is not None:
        return refused
    try:
        root: Element = defusedxml.ElementTree.fromstring(
            raw, forbid_dtd=True, forbid_entities=True, forbid_external=True
        )
    except DefusedXmlException:
        return Problem("xml_doctype")
    except (ParseError, ValueError, LookupError):
        return Problem("xml_malformed" if _is_utf8(raw) or _DECLARED.match(raw) else "xml_encoding")
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag.startswith("{"):
            element.tag = element.tag.rpartition("}")[2]
    return root


def _refused(raw: bytes, limit: int) -> Problem | None:
    if not raw.strip():
        return Problem("file_empty")
    if len(raw) > limit:
        return Problem("file_too_large", params={"max_bytes": limit})
    if raw.startswith(ZIP):
        return Problem("file_of_other_kind", params={"kind": "ZIP"})
    return other_format(raw)


def _is_utf8(raw: bytes) -> bool:
    """Return whether a file without another encoding in its declaration is what XML then takes it for."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    return True


def raw_text(element: Element | None, path: str) -> str:
    """Return all text below a path as it is written, also that of elements inside."""
    found = element.find(path) if element is not None else None
    return "".join(found.itertext()) if found is not None else ""


def text(element: Element | None, path: str) -> str | None:
    """Return the clean text below a path; None if it is absent or empty."""
    return clean(raw_text(element, path)) or None
