"""Lists the invented Kreis Musterland and its small neighbour: towns, publishers, counselling offices.

Everything here is invented. The AGS prefix 99 is not used by any German municipality.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypedDict

KREIS: Final = "99001"
NEIGHBOUR: Final = "99002"
"""Each opens its courses to the people of the other (the policy of the demo says so)."""


@dataclass(frozen=True, slots=True)
class Town:
    """An invented town with its share of the people who wait."""

    ags: str
    name: str
    postcode: str
    latitude: float
    longitude: float
    weight: int

    @property
    def kreis(self) -> str:
        """The Kreis it belongs to."""
        return self.ags[:5]


TOWNS: Final = (
    Town("99001001", "Musterstadt", "00100", 53.900, 11.300, 34),
    Town("99001002", "Beispielhausen", "00110", 53.935, 11.420, 14),
    Town("99001003", "Probeheim", "00115", 53.842, 11.195, 10),
    Town("99001004", "Erdachtingen", "00120", 53.985, 11.250, 8),
    Town("99001005", "Attrappenburg", "00125", 53.800, 11.460, 7),
    Town("99001006", "Modellitz", "00130", 53.760, 11.290, 6),
    Town("99001007", "Fiktivow", "00135", 54.020, 11.390, 4),
    Town("99001008", "Scheinfeld am See", "00140", 53.880, 11.060, 4),
    Town("99001009", "Platzhalterin", "00145", 53.720, 11.380, 3),
    Town("99001010", "Übungsdorf", "00150", 53.955, 11.130, 3),
    Town("99001011", "Phantasienhagen", "00155", 53.840, 11.560, 2),
    Town("99001012", "Testow", "00160", 53.700, 11.210, 2),
    Town("99001013", "Kulissenbach", "00165", 54.060, 11.180, 1),
    Town("99001014", "Nirgendsmark", "00170", 53.790, 11.020, 1),
    Town("99001015", "Utopinchen", "00175", 53.980, 11.560, 1),
)
NEIGHBOUR_TOWNS: Final = (
    Town("99002001", "Nachbarstadt", "00210", 53.790, 11.640, 6),
    Town("99002002", "Grenzdorf", "00215", 53.850, 11.650, 3),
    Town("99002003", "Hinterwald", "00220", 53.720, 11.600, 2),
)
TOWN: Final = {town.ags: town for town in (*TOWNS, *NEIGHBOUR_TOWNS)}

Rhythm = Literal["daily", "weekly", "section"]


class PublisherRecord(TypedDict):
    """A publisher as `kurslotse publisher load` reads it."""

    slug: str
    name: str
    kinds: list[str]
    organisation: str
    authority: bool
    kreise: list[str]
    supplier_ids: list[str]


def _publisher(
    slug: str,
    name: str,
    *kinds: str,
    authority: bool,
    organisation: str | None = None,
    supplier_ids: tuple[str, ...] = (),
    kreis: str = KREIS,
) -> PublisherRecord:
    return {
        "slug": slug,
        "name": f"{name} (erfunden)",
        "kinds": list(kinds),
        "organisation": organisation or slug,
        "authority": authority,
        "kreise": [kreis],
        "supplier_ids": list(supplier_ids),
    }


PROVIDERS: Final = (
    _publisher(
        "vhs-musterland", "Volkshochschule Musterland", "provider", authority=False, supplier_ids=("990011",)
    ),
    _publisher(
        "sprachhaus", "Sprachhaus Beispielhausen", "provider", authority=False, supplier_ids=("990012",)
    ),
    _publisher(
        "bildungswerk-probe",
        "Bildungswerk Probeheim",
        "provider",
        authority=False,
        supplier_ids=("990013", "990023"),
    ),
    _publisher(
        "lernwerkstatt", "Lernwerkstatt Erdachtingen", "provider", authority=False, supplier_ids=("990014",)
    ),
    _publisher(
        "frauenakademie", "Frauenakademie Musterstadt", "provider", authority=False, supplier_ids=("990015",)
    ),
    _publisher(
        "berufssprache-nord", "Berufssprache Nord", "provider", authority=False, supplier_ids=("990016",)
    ),
    _publisher(
        "vhs-nachbarland",
        "Volkshochschule Nachbarland",
        "provider",
        authority=False,
        supplier_ids=("990021",),
        kreis=NEIGHBOUR,
    ),
)
RHYTHM: Final[dict[str, Rhythm]] = {
    "vhs-musterland": "daily",
    "sprachhaus": "weekly",
    "bildungswerk-probe": "section",
    "lernwerkstatt": "daily",
    "frauenakademie": "weekly",
    "berufssprache-nord": "weekly",
    "vhs-nachbarland": "weekly",
}

JOBCENTER: Final = "jobcenter-musterland"
NEXT_JOBCENTER: Final = "jobcenter-nachbarland"
FOREIGNERS: Final = "auslaenderbehoerde"
SOCIAL: Final = "sozialamt-asyl"
VHS_DESK: Final = "vhs-anmeldung"
WELCOME: Final = "willkommenspunkt"
MBE_NORTH: Final = "mbe-nord"
MBE_SOUTH: Final = "mbe-sued"
JMD: Final = "jmd-musterland"
ASYLUM: Final = "asylberatung"

OFFICE_PUBLISHERS: Final = (
    _publisher(JOBCENTER, "Jobcenter Musterland", "office", authority=True),
    _publisher(NEXT_JOBCENTER, "Jobcenter Nachbarland", "office", authority=True, kreis=NEIGHBOUR),
    _publisher(FOREIGNERS, "Ausländerbehörde Kreis Musterland", "office", authority=True),
    _publisher(SOCIAL, "Sozialamt Kreis Musterland, Asyl", "office", authority=True),
    _publisher(
        VHS_DESK, "Kursberatung der Volkshochschule", "office", authority=False, organisation="vhs-musterland"
    ),
    _publisher(WELCOME, "Willkommenspunkt Musterland", "office", authority=False),
    _publisher(
        MBE_NORTH,
        "Migrationsberatung Nord",
        "counselling",
        "office",
        authority=False,
        organisation="wohlfahrt-nord",
    ),
    _publisher(
        MBE_SOUTH,
        "Migrationsberatung Süd",
        "counselling",
        "office",
        authority=False,
        organisation="wohlfahrt-sued",
    ),
    _publisher(JMD, "Jugendmigrationsdienst Musterland", "counselling", "office", authority=False),
    _publisher(
        ASYLUM,
        "Asylverfahrensberatung Musterland",
        "counselling",
        authority=False,
        organisation="wohlfahrt-nord",
    ),
)
PUBLISHERS: Final = (*PROVIDERS, *OFFICE_PUBLISHERS)
COUNSELLING_SLUGS: Final = tuple(p["slug"] for p in OFFICE_PUBLISHERS if "counselling" in p["kinds"])


class OfficeRecord(TypedDict):
    """A counselling office in the directory (`kurslotse offices load`)."""

    slug: str
    name: str
    organisation: str
    kind: str
    catchment: list[str]
    age_from: int | None
    age_below: int | None
    asylum_phases: list[str]
    languages: list[str]
    mail: str
    lead_mail: str
    phone: str
    stand_in: str | None
    capacity: int


NORTH: Final = ("99001001", "99001002", "99001004", "99001007", "99001010", "99001013", "99001015")
SOUTH: Final = tuple(town.ags for town in TOWNS if town.ags not in NORTH)


def _office(  # the directory reads best as a table
    slug: str,
    kind: str,
    catchment: tuple[str, ...],
    languages: tuple[str, ...],
    *,
    ages: tuple[int | None, int | None] = (None, None),
    phases: tuple[str, ...] = (),
    stand_in: str | None = None,
    capacity: int = 60,
) -> OfficeRecord:
    record = next(publisher for publisher in OFFICE_PUBLISHERS if publisher["slug"] == slug)
    return {
        "slug": slug,
        "name": record["name"],
        "organisation": record["organisation"],
        "kind": kind,
        "catchment": list(catchment),
        "age_from": ages[0],
        "age_below": ages[1],
        "asylum_phases": list(phases),
        "languages": list(languages),
        "mail": f"postfach@{slug}.kurslotse.invalid",
        "lead_mail": f"leitung@{record['organisation']}.kurslotse.invalid",
        "phone": f"030 23125-{100 + 10 * COUNSELLING_SLUGS.index(slug)}",  # numbers kept free for films
        "stand_in": stand_in,
        "capacity": capacity,
    }


OFFICES: Final = (
    _office(MBE_NORTH, "mbe", NORTH, ("de", "en", "ar", "uk"), ages=(27, None), stand_in=MBE_SOUTH),
    _office(MBE_SOUTH, "mbe", SOUTH, ("de", "en", "ru", "tr"), ages=(27, None), stand_in=MBE_NORTH),
    _office(JMD, "jmd", (KREIS,), ("de", "en", "ar", "fa"), ages=(None, 27), capacity=40),
    _office(
        ASYLUM, "asylum", (KREIS,), ("de", "en", "fa", "ti"), phases=("procedure", "tolerated"), capacity=30
    ),
)
