"""Checks the page that a rejected form comes back to: what is wrong is named, focused and led to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

REJECTED = {401, 409, 422, 429}
_FIELDS = {"input", "select", "textarea"}


@dataclass
class Element:
    """A start tag of a page, and the start tags inside of it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: list["Element"] = field(default_factory=list)

    def within(self) -> Iterator["Element"]:
        """Go through everything inside."""
        for one in self.inside:
            yield one
            yield from one.within()


class _Reader(HTMLParser):
    VOID = frozenset({"input", "meta", "link", "br", "img", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        one = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].inside.append(one)
        if tag not in self.VOID:
            self._open.append(one)

    def handle_endtag(self, tag: str) -> None:
        while len(self._open) > 1:
            if self._open.pop().tag == tag:
                return

    def handle_data(self, data: str) -> None:
        for one in self._open:
            one.text += data


def read(page: str) -> Element:
    """Read a page."""
    reader = _Reader()
    reader.feed(page)
    return reader.root


def faults_of(page: str) -> Iterator[str]:
    """Say what a rejected form's page does not do for somebody who cannot see it."""
    everything = list(read(page).within())
    by_id = {one.attributes["id"]: one for one in everything if "id" in one.attributes}
    title = next(one.text for one in everything if one.tag == "title")
    if not title.startswith("Fehler: "):
        yield f"the title is {title!r}"
    focused = [one for one in everything if "autofocus" in one.attributes]
    if len(focused) != 1 or focused[0].attributes.get("id") != "errors":
        yield f"the focus goes to {[one.attributes for one in focused]}"
        return
    if focused[0].attributes.get("tabindex") != "-1" or focused[0].attributes.get("role") != "alert":
        yield "what is wrong cannot take the focus"
    links = [one for one in focused[0].within() if one.tag == "a"]
    if not links:
        yield "no entry leads to a field"
    for link in links:
        yield from _of_field(link.attributes["href"], by_id)
    invalid = [one for one in everything if one.attributes.get("aria-invalid") == "true"]
    if not invalid:
        yield "no field is marked"
    for one in invalid:
        told = [by_id[id_] for id_ in one.attributes.get("aria-describedby", "").split() if id_ in by_id]
        if not any(text.text.strip() for text in told):
            yield f"{one.attributes.get('id')} is not described"


def _of_field(address: str, by_id: dict[str, Element]) -> Iterator[str]:
    found = by_id.get(address.removeprefix("#"))
    if found is None:
        yield f"{address} leads nowhere"
        return
    if address.startswith("#line-"):  # of a document that is shown with its numbers
        return
    fields = [one for one in (found, *found.within()) if one.tag in _FIELDS]
    if not fields:
        yield f"{address} is no field"
    elif not any(one.attributes.get("aria-invalid") == "true" for one in fields):
        yield f"{address} is not marked"


def check(path: str, answer: httpx.Response) -> list[str]:
    """Return what is wrong with the answer to a form that had to be rejected, with its path."""
    if answer.status_code not in REJECTED:
        return [f"{path}: {answer.status_code} {answer.headers.get('location', '')}"]
    return [f"{path}: {fault}" for fault in faults_of(answer.text)]
