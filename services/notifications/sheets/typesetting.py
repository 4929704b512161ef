"""Typesets sheets as a tagged PDF with fonts of its own."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import typst

from services.notifications.sheets.codes import svg_of
from services.notifications.sheets.document import Helper, Sheet
from services.notifications.sheets.lettering import legible
from services.runtime.web.vendor import STATIC

_TEMPLATE = Path(__file__).with_name("sheet.typ")


def pdf(sheets: Sequence[Sheet], at: datetime) -> bytes:
    """Typeset sheets one after the other: PDF/UA-1 with title, languages and tags.

    The title in the document's properties names nobody: file managers show it.

    Raises:
        RuntimeError: the typesetter refuses its template.
    """
    codes = {
        block.address: svg_of(block.address)
        for sheet in sheets
        for block in sheet.blocks
        if isinstance(block, Helper) and block.address
    }
    told = {"title": sheets[0].title, "sheets": _legible([asdict(sheet) for sheet in sheets]), "codes": codes}
    compiled = typst.compile(
        str(_TEMPLATE),
        format="pdf",
        ignore_system_fonts=True,
        font_paths=[str(STATIC)],
        sys_inputs={"sheets": orjson.dumps(told).decode()},
        pdf_standards="ua-1",
        timestamp=at.replace(microsecond=0),
    )
    if not isinstance(compiled, bytes):
        raise TypeError("one document was asked for")
    return compiled


def _legible(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case str():
            return legible(value)
        case dict():
            return {name: _legible(one) for name, one in value.items()}
        case list() | tuple():
            return [_legible(one) for one in value]
        case _:
            return value
