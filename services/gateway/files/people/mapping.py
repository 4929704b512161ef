"""Defines which column of an office's list is which field, and what its words mean."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.base import Ags5, Ags8, LanguageCode
from schemas.codes import AccessRoute, AsylumPhase, CourseType, Level, Standing, TimeOfDay, Weekday
from services.gateway.people.numbers import NumberScheme

Column = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Columns(BaseModel):
    """Our field -> name of the office's column; other columns are never read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    reference: Column | None = None
    official_number: Column | None = None
    registered_on: Column | None = None
    town: Column | None = None
    postcode: Column | None = None
    standing: Column | None = None
    route: Column | None = None
    granted_on: Column | None = None
    valid_until: Column | None = None
    cooperation_plan: Column | None = None
    hours_left: Column | None = None
    course_types: Column | None = None
    available: Column | None = None
    earliest_start: Column | None = None
    needs_childcare: Column | None = None
    needs_women_only: Column | None = None
    needs_barrier_free: Column | None = None
    asylum_phase: Column | None = None
    max_travel_minutes: Column | None = None
    family: Column | None = None
    available_days: Column | None = None
    tested_on: Column | None = None
    level: Column | None = None
    section: Column | None = None
    family_name: Column | None = None
    given_name: Column | None = None
    birth_date: Column | None = None
    phone: Column | None = None
    email: Column | None = None
    street: Column | None = None
    languages: Column | None = None


class Words(BaseModel):
    """The office's words -> our codes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    standing: dict[str, Standing] = Field(default_factory=dict)
    route: dict[str, AccessRoute] = Field(default_factory=dict)
    course_types: dict[str, CourseType] = Field(default_factory=dict)
    available: dict[str, TimeOfDay] = Field(default_factory=dict)
    available_days: dict[str, Weekday] = Field(default_factory=dict)
    asylum_phase: dict[str, AsylumPhase] = Field(default_factory=dict)
    level: dict[str, Level] = Field(default_factory=dict)
    languages: dict[str, LanguageCode] = Field(default_factory=dict)


class Defaults(BaseModel):
    """Values for fields that the list does not have."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    standing: Standing | None = None
    route: AccessRoute | None = None
    course_types: tuple[CourseType, ...] = ()
    town: Ags8 | None = None
    asylum_phase: AsylumPhase | None = None


class ParticipantMapping(BaseModel):
    """How an office's list of people is read; saved once per office."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    columns: Columns
    scheme: NumberScheme | None = None
    """Kind of the official number, for instance bamf."""
    values: Words = Words()
    defaults: Defaults = Defaults()
    towns: dict[str, Ags8] = Field(default_factory=dict)
    kreis: Ags5 | None = None
    date_order: Literal["day_first", "month_first"] | None = None
    sheet: Column | None = None
    """Sheet that holds the list, if a workbook has several."""

    @model_validator(mode="after")
    def _names_people(self) -> Self:
        if (self.columns.reference is None) == (self.columns.official_number is None):
            raise ValueError("columns needs either reference or official_number")
        if self.columns.official_number is not None and self.scheme is None:
            raise ValueError("official_number needs scheme")
        return self

    def named(self) -> dict[str, str]:
        """Return our field -> column name for the columns that are read."""
        return {name: column for name, column in self.columns.model_dump().items() if isinstance(column, str)}
