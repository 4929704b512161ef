"""Reads from a description whether a course offers childcare; what is not said clearly stays unknown."""

import html
import re

from services.gateway.files.text import clean

_LONGEST = 30_000
_TAG = re.compile(r"<[^<>]{0,500}>")
_SENTENCE = re.compile(r"[.;!\n•|]|<br|</p|</li")
_SUBJECT = re.compile(
    r"\bkinder(?:tages)?[- ]{0,2}betreuung(?:sangebot|splätze|splatz|smöglichkeit|smöglichkeiten)?\b"
    r"|\bbetreuung (?:der|ihrer|von|für|ihres|des) (?:ihre |die )?kind(?:er|ern|es)?\b"
    r"|\bkinder(?:n)? (?:\w+ ){0,4}betreut\b|\bkita-?plätze\b|\bkinder können \w+ betreut\b"
)
_DENIED = re.compile(
    r"\b(?:kein\w{0,2}|nicht|ohne|nein|leider|entfällt|entfallen|unmöglich|ausgeschlossen|"
    r"fehlanzeige|weder|fehlt|"
    r"nie|niemals|no|selbst|selber|eigenverantwortlich|privat|abgesagt|eingestellt)\b|"
    r"\bfällt \w*\s?(?:weg|aus)\b"
)
_UNCLEAR = re.compile(
    r"\b(?:anfrage|nachfrage|anmeldung|absprache|bedarf|geplant|planung|falls|wenn|sofern|"
    r"voraussichtlich|evtl|"
    r"eventuell|ggf|gegebenenfalls|vielleicht|beantragt|angefragt|warteliste|ausgebucht|begrenzt\w*|kosten|"
    r"kostenpflichtig|kostenlos\w{0,2}|gebühr\w{0,3}|problem|zweifel|nur|mehr|immer|noch|soll|"
    r"sollte|könnte|würde|"
    r"suchen|gesucht|klären|informationen|informieren|beratung|thema|ausbildung|berufsfeld|zurzeit|derzeit|"
    r"momentan|aktuell)\b|\?"
)
_PROMISED = re.compile(
    r"\b(?:mit|möglich|vorhanden|angeboten|bieten|bietet|gibt|verfügbar|ja|inklusive|inkl|verfügung|gestellt|"
    r"gewährleistet|haus|integriert|parallel|begleitend\w{0,2}|kostenfrei\w{0,2}|kostenlos\w{0,2}|"
    r"werden|wird|"
    r"können|eigene\w?|findet|garantiert|sichergestellt)\b"
)


def offers_childcare(text: str) -> bool | None:
    """Return whether a text promises or denies childcare; None if it does neither, or not clearly.

    >>> [
    ...     offers_childcare(text)
    ...     for text in ("Mit Kinderbetreuung.", "Keine Kinderbetreuung", "Im Kindergarten")
    ... ]
    [True, False, None]
    """
    said = {_answer(sentence) for sentence in _sentences(text) if _SUBJECT.search(sentence)}
    return said.pop() if len(said) == 1 else None


def mentions_childcare(text: str) -> bool:
    """Return whether a text speaks of childcare at all."""
    return any(_SUBJECT.search(sentence) for sentence in _sentences(text))


def _sentences(text: str) -> list[str]:
    folded = html.unescape(html.unescape(text[:_LONGEST])).casefold().replace("ß", "ss")
    return [clean(_TAG.sub(" ", sentence)) for sentence in _SENTENCE.split(folded)]


def _answer(sentence: str) -> bool | None:
    denied, unclear = _DENIED.search(sentence), _UNCLEAR.search(sentence)
    if denied is not None:
        free = re.search(r"\b(?:möglich|angeboten|vorhanden|verfügbar|gewährleistet)\b", sentence)
        plain = unclear is None or (
            free is not None and unclear[0] in {"zurzeit", "derzeit", "momentan", "aktuell"}
        )
        return False if plain else None
    if unclear is not None and not unclear[0].startswith("kostenlos"):
        return None
    return True if _PROMISED.search(sentence) else None
