"""Parses XML from outside safely: no DOCTYPE, no entities, limited in size."""

from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from schemas.envelope import Problem

MAX_XML = 32 * 1024 * 1024


def parse(raw: bytes, limit: int = MAX_XML) -> Element | Problem:
    """Return the root element, names without namespaces, or why there is none."""
    if not raw.strip():
        return Problem("file_empty")
    if len(raw) > limit:
        return Problem("file_too_large", params={"max_bytes": limit})
    try:
        root: Element = defusedxml.ElementTree.fromstring(
            raw, forbid_dtd=True, forbid_entities=True, forbid_external=True
        )
    except DefusedXmlException:
        return Problem("xml_doctype")
    except (ParseError, ValueError, LookupError):
        return Problem("xml_malformed")
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag.startswith("{"):
            element.tag = element.tag.rpartition("}")[2]
    return root


def text(element: Element | None, path: str) -> str | None:
    """Return the trimmed text below a path; None if it is absent or empty."""
    found = element.find(path) if element is not None else None
    written = " ".join((found.text or "").split()) if found is not None else ""
    return written or None
