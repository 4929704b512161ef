"""Writes the HTML of e-mails: plain, readable without pictures, nothing fetched from anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_PAGE = "margin:0;padding:24px;background:#f4f6f8;font:16px/1.5 Arial,Helvetica,sans-serif;color:#171a2b"
_BOX = "max-width:600px;margin:0 auto 16px;padding:24px;background:#ffffff;border:1px solid #d0d5dd"
_LINK = "color:#1a3fae;font-weight:bold"
_SMALL = "font-size:14px;color:#475467"


@dataclass(frozen=True, slots=True)
class Part:
    """What a mail says in one language, before and after its links."""

    language: str
    said: str
    footer: str


def page(title: str, parts: Sequence[Part], links: Sequence[tuple[str, str]]) -> str:
    """Write the page; `links` are pairs of a text and an address.

    >>> "<script>" in page("<script>", [Part("de", "<script>", "")], [('"><script>', '"><script>')])
    False
    """
    listed = "\n".join(
        f'<li><a style="{_LINK}" href="{escape(address)}">{escape(text)}</a></li>' for text, address in links
    )
    boxes = "\n".join(
        f'<div lang="{escape(part.language)}" style="{_BOX}">\n<p>{escape(part.said)}</p>\n<ul>\n{listed}\n'
        f'</ul>\n<p style="{_SMALL}">{escape(part.footer)}</p>\n</div>'
        for part in parts
    )
    language = escape(parts[0].language if parts else "de")
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n</head>\n"
        f'<body style="{_PAGE}">\n{boxes}\n</body>\n</html>\n'
    )
