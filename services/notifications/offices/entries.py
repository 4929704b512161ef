"""Defines an entry of the directory of counselling offices; whatever is wrong in it says what to do."""

from collections.abc import Iterator, Sequence
from datetime import date, time
from typing import Annotated, Self

from babel import Locale
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from schemas.base import Ags5, Ags8, Slug
from schemas.bounds import Text
from schemas.codes import AsylumPhase
from services.notifications.mailboxes import MailboxError, canonical
from services.notifications.offices.domain import WEEKDAYS, Agreed, CoursePhase, TargetGroup, merged
from services.notifications.offices.ranking import MUNICIPAL
from services.places.public_holidays import INVENTED, LAENDER, land_of

FAULT = "directory"
"""Type of the validation errors whose message is ours and says what to do."""

PHONE = r"^\+?[0-9(][0-9 ()/-]{2,38}$"
"""A telephone number as people write it, with its area code."""

LANGUAGE_CODES = frozenset(Locale("en").languages) | {"prs", "kmr", "pbt", "aii"}
"""ISO 639 as CLDR lists it, and Dari, Kurmanji, southern Pashto and Assyrian, which people register with."""


def _fault(message: str) -> PydanticCustomError:
    # The text is a template to pydantic: none of ours has values in braces.
    return PydanticCustomError(FAULT, message)


def _mailbox(text: object) -> str:
    if not isinstance(text, str):
        raise _fault("is not one mailbox. Write one plain address, for example beratung@example.org.")
    try:
        return canonical(text)
    except MailboxError as error:
        raise _fault(str(error)) from None


def _clock(text: object) -> str:
    hour, colon, minute = text.partition(":") if isinstance(text, str) else ("", "", "")
    digits = hour.isascii() and hour.isdigit() and minute.isascii() and minute.isdigit()
    if not colon or not digits or len(hour) > 2 or len(minute) != 2:  # noqa: PLR2004 - digits
        raise _fault("is not a time of day. Write hours and minutes, for example 09:00.")
    if int(hour) == 24:  # noqa: PLR2004 - midnight, as people write it
        raise _fault("is the end of the day. Write 23:59.")
    try:
        return f"{time(int(hour), int(minute)):%H:%M}"
    except ValueError:
        raise _fault("is no time of the day. Write hours from 00 to 23 and minutes from 00 to 59.") from None


def _day(text: object) -> date:
    try:
        if isinstance(text, str) and len(text) == len("2026-12-24"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    if type(text) is date:
        return text
    raise _fault("is not a day. Write year, month and day, for example 2026-12-24.")


def _catchment(ags: str) -> str:
    if ags[:2] not in {*LAENDER, INVENTED}:
        raise _fault(
            "begins with no Land (01 to 16). Write the Amtlicher Gemeindeschlüssel with its leading zero,"
            " for example 09161 (Kreis) or 09162000 (municipality)."
        )
    return ags


def _language(code: object) -> str:
    if not isinstance(code, str) or code not in LANGUAGE_CODES:
        raise _fault("is no language code. Write the short code of ISO 639, for example ar, uk or prs.")
    return code


def _sorted_spans(spans: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    if any(opens >= closes for opens, closes in spans):
        raise _fault("ends before it begins. Write the opening time, then the closing time.")
    return merged(spans)


def _as_list(value: object) -> object:
    """Take an empty value for an empty list."""
    return [] if value is None else value


Mail = Annotated[str, BeforeValidator(_mailbox)]
Clock = Annotated[str, BeforeValidator(_clock)]
Day = Annotated[date, BeforeValidator(_day)]
Ags = Annotated[Ags5 | Ags8, AfterValidator(_catchment)]
Spans = Annotated[
    list[tuple[Clock, Clock]], Field(max_length=20), AfterValidator(_sorted_spans), BeforeValidator(_as_list)
]
Age = Annotated[int, Field(ge=0, le=120)]


class AgreementEntry(BaseModel):
    """What an office has agreed with others: from when to when, and where that is written."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    what: Agreed
    place: Ags | None = None
    """Of a neighbour: the place, outside of the catchment, for which the office is there as well."""
    valid_from: Day
    valid_until: Day | None = None
    source: Text

    @model_validator(mode="after")
    def _whole(self) -> Self:
        neighbour = self.what is Agreed.NEIGHBOUR
        if neighbour and self.place is None:
            raise _fault("is a neighbour without a place. Add place, the key of the Kreis or municipality.")
        if not neighbour and self.place is not None:
            raise _fault("has a place, which only a neighbour has. Leave place out.")
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise _fault("ends before it begins. Exchange valid_from and valid_until.")
        return self


class OfficeEntry(BaseModel):
    """One office in a directory file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    slug: Slug
    name: Text
    organisation: Slug
    kind: Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")]
    catchment: Annotated[list[Ags], Field(min_length=1, max_length=2000)]
    """Municipalities (eight digits) and Kreise (five)."""
    seat: Ags | None = None
    """Where the office lies, for the public holidays; needed only if the catchment has several Länder."""
    age_from: Age | None = None
    age_below: Age | None = None
    asylum_phases: Annotated[list[AsylumPhase], BeforeValidator(_as_list)] = Field(default_factory=list)
    languages: Annotated[
        list[Annotated[str, BeforeValidator(_language)]], Field(max_length=100), BeforeValidator(_as_list)
    ] = Field(default_factory=list)
    mail: Mail
    lead_mail: Mail
    """Within the organisation; an unanswered alert goes here and nowhere else."""
    phone: Annotated[str, Field(pattern=PHONE)] | None = None
    """Public, as people dial it: it stands on sheets and on the office's public page."""
    stand_in: Slug | None = None
    """Comes first while this office is not active; two offices may stand in for each other."""
    capacity: Annotated[int, Field(ge=0, le=10_000)] = 60
    hours: dict[str, Spans] = Field(default_factory=dict)
    """Opening hours by weekday, merged; none means Monday to Friday, nine to four."""
    closed_days: Annotated[list[Day], Field(max_length=1000), BeforeValidator(_as_list)] = Field(
        default_factory=list
    )
    """Days on which this office is closed although its Land has no public holiday."""
    active: bool = True
    phases: Annotated[list[CoursePhase], BeforeValidator(_as_list)] = Field(default_factory=list)
    """Where people stand with their course for whom the office is there; none means all."""
    target_groups: Annotated[list[TargetGroup], Field(max_length=4), BeforeValidator(_as_list)] = Field(
        default_factory=list
    )
    """For whom the office is there in particular: it comes first for courses of these groups."""
    agreements: Annotated[list[AgreementEntry], Field(max_length=50), BeforeValidator(_as_list)] = Field(
        default_factory=list
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for wrong in _faults_of(self):
            raise wrong
        return self


def _faults_of(entry: OfficeEntry) -> Iterator[PydanticCustomError]:
    if entry.age_from is not None and entry.age_below is not None and entry.age_from >= entry.age_below:
        yield _fault("age_from is not below age_below: nobody would fit. Exchange them or leave one out.")
    if entry.hours and set(entry.hours) - set(WEEKDAYS):
        yield _fault("hours names an unknown weekday. Write mon, tue, wed, thu, fri, sat or sun.")
    if entry.hours and not any(entry.hours.values()):
        yield _fault("hours has no opening time. Leave hours out for Monday to Friday, 09:00 to 16:00.")
    if entry.stand_in == entry.slug:
        yield _fault("stand_in names the office itself. Name another office or leave it out.")
    if entry.kind != MUNICIPAL and any(one.what is not Agreed.NEIGHBOUR for one in entry.agreements):
        yield _fault(
            "agreements puts an office beside or before free organisations that is not municipal. Leave it"
            " out, or set kind to municipal."
        )
    if not land_of(entry.seat, entry.catchment):
        yield _fault(
            "catchment lies in several Länder. Add seat, the key of the Kreis or municipality where the"
            " office lies: public holidays are those of its Land."
        )
