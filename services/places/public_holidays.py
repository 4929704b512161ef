"""Tells public holidays: those of the Land in which an office lies.

Only days that are a holiday in the whole Land count. Holidays of single municipalities (Assumption Day in
Bavaria, Corpus Christi in Saxony and Thuringia, the Peace Festival in Augsburg) depend on church membership
or local law that no key tells: an office that is closed on them lists them among its `closed_days`.
"""

from collections.abc import Collection, Container
from datetime import date
from functools import cache

from holidays import country_holidays

from schemas.days import add_days

LAENDER = {
    "01": "SH", "02": "HH", "03": "NI", "04": "HB", "05": "NW", "06": "HE", "07": "RP", "08": "BW",
    "09": "BY", "10": "SL", "11": "BE", "12": "BB", "13": "MV", "14": "SN", "15": "ST", "16": "TH",
}  # fmt: skip
"""The first two digits of an AGS -> the Land (ISO 3166-2:DE)."""
SATURDAY = 5
INVENTED = "99"
"""The first two digits of invented places: there only the holidays of the whole country count."""


@cache
def holidays_of(land: str) -> Container[date]:
    """Return the holidays of a Land (two digits of the AGS); of the whole country for any other text.

    >>> date(2026, 4, 3) in holidays_of("99"), date(2026, 6, 4) in holidays_of("09")
    (True, True)
    """
    return country_holidays("DE", subdiv=LAENDER.get(land))


def land_of(seat: str | None, catchment: Collection[str]) -> str:
    """Return the Land of an office: that of its seat, else of its catchment; "" if that has several.

    >>> land_of(None, ["09161", "09162000"]), land_of(None, ["09161", "14511"]), land_of("09161", ["14511"])
    ('09', '', '09')
    """
    laender = {ags[:2] for ags in ([seat] if seat else catchment)}
    return laender.pop() if len(laender) == 1 else ""


def working_day_before(day: date, holidays: Container[date]) -> date:
    """Return the last day before a day that is neither at a weekend nor a holiday.

    >>> (
    ...     working_day_before(date(2026, 10, 5), holidays_of("99")),
    ...     working_day_before(date(2026, 4, 7), holidays_of("99")),
    ... )
    (datetime.date(2026, 10, 2), datetime.date(2026, 4, 2))
    """
    before = add_days(day, -1)
    while date.min < before and (before.weekday() >= SATURDAY or before in holidays):
        before = add_days(before, -1)
    return before
