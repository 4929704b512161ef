"""Writes directory files in the layout of GV100AD: fixed columns, 220 in a record.

Columns (from 1) by the Satzbeschreibung of the Statistisches Bundesamt: 1-2 Satzart, 3-10 Gebietsstand,
11-18 key, 19-22 Gemeindeverband, 23-72 name, 73-122 seat, 123-124 type, 129-139 area, 140-150 people,
151-161 of them male, 166-170 postcode of the seat, 171-175 ***** if there are more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

INVENTED = "99"


@dataclass(frozen=True, slots=True)
class Kreis:
    """A Kreis with its towns: (last three digits, name, postcode), the postcode with * if there are more."""

    key: str
    name: str
    towns: Sequence[tuple[str, str, str]]


MUSTERLAND = Kreis(
    "99001",
    "Kreis Musterland (erfunden)",
    (
        ("001", "Musterstadt, Stadt", "00100*"),
        ("002", "Beispielhausen", "00110"),
        ("010", "Übungsdorf", "00150"),
        ("011", "Weißenprobe am See", "00155"),
    ),
)
NACHBARLAND = Kreis("99002", "Nachbarland (erfunden)", (("001", "Musterstadt am Berg", "00200"),))


def record(kind: str, key: str, name: str, *, day: str = "20251231", rest: str = "") -> str:
    """Write one record."""
    return f"{kind}{day}{key:<8}{'':<4}{name:<50}{rest}".ljust(220)


def town(key: str, name: str, postcode: str, *, day: str = "20251231", type_: str = "64") -> str:
    """Write the record of a town."""
    more = "*****" if postcode.endswith("*") else ""
    numbers = f"{'':<4}{1234:>11}{5678:>11}{2800:>11}{'':<4}"
    rest = f"{'':<50}{type_}{numbers}{postcode.rstrip('*'):<5}{more:<5}"
    return record("60", key, name, day=day, rest=rest)


def gv100ad(
    *kreise: Kreis, day: str = "20251231", land: tuple[str, str] = (INVENTED, "Musterland (erfunden)")
) -> list[str]:
    """Write the lines of a file of one Land."""
    lines = [record("10", land[0], land[1], day=day)]
    for kreis in kreise:
        lines.append(record("40", kreis.key, kreis.name, day=day, rest=f"{'Musterstadt':<50}44"))
        lines.append(record("50", kreis.key, "Amt Muster", day=day))
        lines += [town(kreis.key + last, name, postcode, day=day) for last, name, postcode in kreis.towns]
    return lines


def encoded(lines: Sequence[str], encoding: str = "utf-8") -> bytes:
    """Write a file with the line ends of the publisher."""
    return "".join(f"{line}\r\n" for line in lines).encode(encoding)
