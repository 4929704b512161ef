"""Writes the report for the Integrationskurskonferenz as a tagged PDF and a workbook of the same rows."""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import orjson
import typst
from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.worksheet import Worksheet

from services.allocation.console.figures.outcome_sections import Section
from services.runtime.base.cells import guarded

_TEMPLATE = Path(__file__).with_name("conference.typ")
_SHEET_NAME = 31
"""Characters that spreadsheets allow."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report in words; `cover` are lines of name and value, `heads` those of the columns."""

    title: str
    kreis: str
    language: str
    sender: str
    cover: Sequence[tuple[str, str]]
    opening: str
    contents: str
    footer: str
    heads: Sequence[str]
    sections: Sequence[Section]
    quality_title: str
    quality: Sequence[str]


def pdf(report: Report, at: datetime) -> bytes:
    """Typeset the report: PDF/UA-1, with title, language and tags. Takes about a second of the processor.

    Raises:
        RuntimeError: the typesetter refuses its template.
    """
    told = {
        **asdict(report),
        "sections": [{**asdict(one), "most": one.most} for one in report.sections],
    }
    compiled = typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"report": orjson.dumps(told).decode()},
        pdf_standards="ua-1",
        timestamp=at,
    )
    if not isinstance(compiled, bytes):
        raise TypeError("one document was asked for")
    return compiled


def workbook(report: Report) -> bytes:
    """Write the report as a workbook: cover, a sheet with a chart for each section, notes on the data."""
    book = Workbook()
    book.properties.title, book.properties.creator = report.title, guarded(report.sender)
    book.properties.language = report.language
    cover = book.active
    if not isinstance(cover, Worksheet):
        raise TypeError("a new workbook has a sheet")
    cover.title = report.kreis[:_SHEET_NAME].translate(_NOT_IN_NAMES) or "1"
    _lines(cover, [(report.title,), (report.kreis,), (), *report.cover, (), (report.opening,)], bold=(1,))
    cover.column_dimensions["A"].width, cover.column_dimensions["B"].width = 34, 60
    for section in report.sections:
        sheet = book.create_sheet(section.title[:_SHEET_NAME].translate(_NOT_IN_NAMES))
        _section(sheet, report, section)
    last = book.create_sheet(report.quality_title[:_SHEET_NAME].translate(_NOT_IN_NAMES))
    _lines(last, [(report.quality_title,), *((one,) for one in report.quality)], bold=(1,))
    last.column_dimensions["A"].width = 110
    raw = io.BytesIO()
    book.save(raw)
    return raw.getvalue()


_NOT_IN_NAMES = dict.fromkeys(map(ord, "[]:*?/\\'"), " ")


def _section(sheet: Worksheet, report: Report, section: Section) -> None:
    lines: list[tuple[object, ...]] = [(section.title,), *((text,) for text in section.definitions), ()]
    heads: list[int] = []
    for group in section.groups:
        if group.title:
            lines.append((group.title,))
        heads.append(len(lines) + 1)
        lines.append((report.heads[0], report.heads[2], section.third, report.heads[3], report.heads[4]))
        lines += [(row.label, row.text, row.share, row.low, row.high) for row in group.rows]
        lines.append(())
    _lines(sheet, [*lines, *((text,) for text in section.notes)], bold=(1, *heads))
    for column, width in zip("ABCDE", (64, 34, 40, 14, 14), strict=True):
        sheet.column_dimensions[column].width = width
    for head, group in zip(heads, section.groups, strict=True):
        if any(row.low is not None for row in group.rows):
            sheet.add_chart(_chart(sheet, group.title or section.title, head, len(group.rows)), f"G{head}")


def _chart(sheet: Worksheet, title: str, head: int, rows: int) -> BarChart:
    chart = BarChart()
    chart.type, chart.title, chart.height = "bar", title, 4 + rows * 0.8
    chart.add_data(
        Reference(sheet, min_col=4, max_col=5, min_row=head, max_row=head + rows), titles_from_data=True
    )
    chart.set_categories(Reference(sheet, min_col=1, min_row=head + 1, max_row=head + rows))
    return chart


def _lines(sheet: Worksheet, lines: Sequence[Sequence[object]], bold: Sequence[int]) -> None:
    """Write rows; a text stays a text and is no formula."""
    for number, line in enumerate(lines, 1):
        for column, value in enumerate(line, 1):
            cell = sheet.cell(number, column)
            if isinstance(value, int):
                cell.value = value
            elif value is not None and value != "":
                cell.value, cell.data_type = guarded(str(value)), "s"
                cell.alignment = Alignment(vertical="top", wrap_text=len(line) > 1)
            if number in bold:
                cell.font = Font(bold=True)
