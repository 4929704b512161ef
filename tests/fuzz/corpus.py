"""The files from which fuzzing starts, and words that readers of such files know."""

from collections.abc import Sequence

from tests.fixtures.gateway.files import CASES, HEADER, ROW, case, csv, list_xml, service, sheet_xml, workbook

TIMES = (
    "Mo-Fr 08:30-12:30 Uhr, 25 UE/Woche", "Mo, Mi, Do 17:30-20:45 Uhr (außer Mi)", "700 UE (600 UE + 100 UE)",
    "montags und mittwochs von 9 bis 12 Uhr, 5 UE pro Tag", "jeden 2. Fr frei; Sa-Mo 10:00—12:00",
)  # fmt: skip
VALUES = (
    "31.12.1999", "1.1.36", "1985-02-02T23:00:00.000Z", "3. Februar 1985", "01/12/2027", "36525",
    "1.145,50 €", "1E+11",
    "ja", "D-01067", "#NV", "MÃ¼ller", "Müller", "_x000D_", "Kinderbetreuung wird nicht angeboten.", "MB 01",
    "MC 01 3",
    "Integrationskurs für Frauen Modul 3", *TIMES,
)  # fmt: skip
SETTINGS = (
    *(path.read_bytes() for path in sorted(CASES.glob("mapping*.json"))),
    b'{"min_means": "booked", "towns": {"99001": "99001001"}, "course_types": {"K-1": "integration_women"}}',
)
WORDS: Sequence[bytes] = (
    b'"', b"'", b";", b",", b"\t", b"\r", b"\n", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xfc",
    "ü".encode(), b"=1+1",
    b"sep=|", b"1E400", b"-1", b"0", b"99999999999999999999", b"NaN", b"_x000D_", b"_xD800_", b"&#0;",
    b"&#xD800;", b"<",
    b"</", b"/>", b"<!DOCTYPE a>", b"<![CDATA[", b"]]>", b"<!--", b"&b;",
    b'encoding="utf-16"', b'r="XFD1048576"', b'r="0"',
    b't="s"', b't="e"', b't="b"', b's="99"', b'hidden="1"', b"<f/>", b"<v/>", b"<SERVICE>",
    b"<MODULE_COURSE>", b"Mo-Fr",
    b"UE/Woche", b"PK\x03\x04", b"PK\x05\x06", b"A1:XFD1048576", "\u200b\u202e\ufeff".encode(),
    "²٣".encode(), b"9999-12-31",
    HEADER.encode(), ROW.encode(),
)  # fmt: skip


def lists() -> list[bytes]:
    return [
        *(case(path.name[:3]) for path in sorted(CASES.glob("c*.csv"))),
        csv(ROW),
        csv(ROW).decode().encode("utf-16"),
        csv(ROW.replace("Muster;", '"Mus\nter";')),
        b"sep=|\n" + csv(ROW),
    ]


def workbooks() -> list[bytes]:
    small = [path for path in sorted(CASES.glob("x*.xlsx")) if "x16" not in path.name]
    shared = sheet_xml("<row>" + "".join(f'<c t="s"><v>{at}</v></c>' for at in range(10)) + "</row>")
    merged = list_xml(
        after='<mergeCells><mergeCell ref="F2:F3"/></mergeCells>', D='<c s="1"><v>33422</v></c>'
    )
    return [path.read_bytes() for path in small] + [
        workbook({"A": list_xml(), "B": sheet_xml()}, hidden=["A"], properties='<workbookPr date1904="1"/>'),
        workbook(shared, strings=HEADER.split(";")),
        workbook(merged),
    ]


def catalogues() -> list[bytes]:
    return [path.read_bytes() for path in sorted(CASES.glob("q*.xml"))] + [
        service(times=times) for times in TIMES
    ]


def values() -> list[bytes]:
    return [value.encode() for value in VALUES]


def settings() -> list[bytes]:
    return list(SETTINGS)
