"""The first day of a real Kreis, as people who have never met Kurslotse live it: on its pages alone."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.day.somebody import Somebody
from tests.browser.kreis import wait_for

KREIS, NAME = "03459", "Kreis Beispiel"
TOWNS = """ags;name;postcodes;kreis
03459001;Beispielhausen;49101;Kreis Beispiel
03459002;Neustadt;49102;Kreis Beispiel
"""
OFFICE_MAIL = "beratung@mbe.example"
PERSON = "Beispiel, Berta"
WEEKDAYS = ("mon", "tue", "wed", "thu")


@dataclass
class Day:
    """Who is there, where the pages are, and how long each part took."""

    browser: Browser
    steering: str
    support: str
    pictures: Path
    mails: Callable[[], Sequence[str]]
    """The mails that have arrived, as text."""
    towns: Path
    colleague: "Colleague | None" = None
    """How the first coordinator comes; None: by the administrator's invitation."""
    prefix: str = ""
    """Of the names of pictures."""
    people: dict[str, Somebody] = field(default_factory=dict)
    colleagues: list[Somebody] = field(default_factory=list)
    """Coordinators."""
    seconds: dict[str, float] = field(default_factory=dict)
    reference: str = ""

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a part of the day."""
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 1)

    def person(self, name: str, site: str) -> Somebody:
        """Let somebody open a browser."""
        made = Somebody.with_passkey(self.browser, name, site, self.pictures, self.prefix)
        self.people[name] = made
        return made

    def close(self) -> None:
        """Close all browsers."""
        for somebody in self.people.values():
            somebody.context.close()


Colleague = Callable[[Day, str], Somebody]


def _invited(day: Day, ada: Somebody, name: str, role: str) -> Somebody:
    made = day.person(name, day.steering)
    made.comes(ada.invites(name, role))
    return made


def set_up_steering(day: Day, link: str) -> Mapping[str, str]:
    """The Kreis' first administrator: Kreis, towns, colleagues, policy, one provider, one office.

    Returns the links that are handed over, by name.
    """
    ada = day.person("Ada Amtmann", day.steering)
    ada.comes(link)
    ada.goes("/")
    ada.heading("Erste Schritte")
    ada.picture("1-first-steps")
    ada.goes("/organisation")
    ada.fills("/organisation", name=NAME, kreise=KREIS)
    ada.sends("/organisation")
    load_towns(day, ada)
    colleague = day.colleague or (lambda _day, _link: _invited(day, ada, "Bo Brandt", "coordinator"))
    day.colleagues = [colleague(day, link), _invited(day, ada, "Cleo Conrad", "coordinator_head")]
    adopt_the_policy(*day.colleagues)
    ada.goes("/organisations")
    ada.page.check("#kind-provider")
    ada.fills("/organisations", name="Volkshochschule Beispiel", slug="vhs-beispiel")
    ada.picture("2-add-a-provider")
    ada.sends("/organisations")
    links = {"provider": ada.link()}
    ada.goes("/organisations")
    ada.page.check("#kind-office")
    ada.page.check("#authority-yes")
    ada.fills("/organisations", name="Jobcenter Beispiel", slug="jobcenter-beispiel")
    ada.sends("/organisations")
    return links


def load_towns(day: Day, who: Somebody) -> None:
    """Send the directory of towns, look at what would change, take it."""
    who.goes("/towns")
    who.page.set_input_files("#file", day.towns)
    who.page.fill("#as_of", "01.01.2026")
    who.page.locator('form[action="/towns/check"] button').click()
    expect(who.page.locator("#preview")).to_contain_text("Gemeinden in der Datei")
    who.page.locator('form[action="/towns/take"] button').click()
    expect(who.page.locator("#editions")).to_be_visible()


def adopt_the_policy(one: Somebody, other: Somebody) -> None:
    """One hands the shipped policy in, a second person activates it."""
    one.goes("/policy/plain")
    one.picture("3-policy-in-plain-words")
    one.page.locator('form[action^="/policy/adopt"] button').click()
    one.page.wait_for_load_state()
    other.goes("/policy/plain")
    other.page.locator('#content a[href^="/policy/versions/"]').click()
    activate = other.page.locator('form[action$="/activate"] button')
    activate.click()
    other.page.wait_for_load_state()
    other.shows_again()
    if activate.count():
        activate.click()
    other.goes("/policy/plain")
    expect(other.page.locator("#content")).to_contain_text("eigene Vorgaben")


def announce_a_course(day: Day, link: str) -> Somebody:
    """The provider's first administrator: a key for a program, a role, a course by form."""
    dora = day.person("Dora Dozent", day.steering)
    dora.comes(link)
    dora.goes("/keys")
    dora.sends("/keys")
    dora.shows_again()
    dora.gives_oneself("provider")
    dora.wears("Kursträger")
    dora.goes("/provider/courses/new")
    form = "/provider/courses/new"
    page = dora.page
    page.fill("#number", "A-1")
    page.fill("#title", "Deutsch am Vormittag")
    page.fill("#town", "Beispielhausen")
    page.fill("#capacity", "15")
    page.fill("#minimum", "1")
    for weekday in WEEKDAYS:
        page.fill(f"#{weekday}_from", "8:30")
        page.fill(f"#{weekday}_to", "12:45")
    first = first_monday(date.today() + timedelta(days=7))  # noqa: DTZ011 - a real installation has a real clock
    page.fill("#first_day", f"{first:%d.%m.%Y}")
    page.click('button[value="suggest"]')
    page.wait_for_load_state()
    assert page.input_value("#section7_ue") == "100", dora.text()
    dora.picture("4-course-with-suggested-dates")
    page.click('button[value="send"]')
    page.wait_for_load_state()
    assert form not in page.url, dora.text()[:1500]
    dora.waits_for("/provider", "Deutsch am Vormittag")
    dora.picture("5-own-courses")
    return dora


def first_monday(day: date) -> date:
    """Return the first Monday from a day on."""
    return day + timedelta(days=(7 - day.weekday()) % 7)


def set_up_support(day: Day, link: str) -> Mapping[str, str]:
    """The registering office's first administrator: for whom it speaks, towns, mail, who works with names."""
    cem = day.person("Cem Clark", day.support)
    cem.comes(link)
    cem.goes("/organisation")
    cem.fills("/organisation", name="Jobcenter Beispiel", kreise=KREIS)
    cem.sends("/organisation")
    wait_for(lambda: _offered(cem, "jobcenter-beispiel"), "the office to be announced")
    cem.fills("/organisation/publisher", publisher="jobcenter-beispiel")
    cem.sends("/organisation/publisher")
    load_towns(day, cem)
    cem.goes("/mail")
    cem.fills("/mail/test", to="cem@jobcenter.example")
    cem.sends("/mail/test")
    assert "angenommen" in cem.text(), cem.text()
    cem.picture("6-mail-tested")
    links = {}
    for kind, fields in (
        ("provider", {"publisher": "vhs-beispiel"}),
        ("counselling", {"name": "Migrationsberatung Beispiel", "slug": "mbe-beispiel"}),
    ):
        cem.goes("/organisations")
        cem.page.check(f"#kind-{kind}")
        cem.fills("/organisations", **fields)
        cem.sends("/organisations")
        links[kind] = cem.link()
    cem.gives_oneself("clerk")
    return links


def _offered(who: Somebody, publisher: str) -> bool:
    who.goes("/organisation")
    return who.page.locator(f'option[value="{publisher}"]').count() > 0


def enter_the_directory(day: Day, link: str) -> Somebody:
    """The counselling office's first administrator: its entry in the directory, and a role to read alerts."""
    eda = day.person("Eda Ehrlich", day.support)
    eda.comes(link)
    eda.goes("/offices/new")
    page = eda.page
    page.fill("#name", "Migrationsberatung Beispiel")
    page.select_option("#kind", "mbe")
    page.fill("#place", KREIS)
    page.check("#languages-ar")
    page.fill("#mail", OFFICE_MAIL)
    page.fill("#lead_mail", "leitung@mbe.example")
    eda.sends("/offices/new")
    assert "Kreis Beispiel" in eda.text()
    eda.picture("7-counselling-office")
    eda.gives_oneself("counsellor")
    return eda


def register_a_person(day: Day) -> None:
    """The clerk: a person by form, and the person's consent."""
    cem = day.people["Cem Clark"]
    cem.wears("Anmeldestelle")
    cem.goes("/register")
    page = cem.page
    page.fill("#family_name", "Beispiel")
    page.fill("#given_name", "Berta")
    page.fill("#birth_date", "04.05.1990")
    page.fill("#town", "Neustadt")
    page.select_option("#right", "jobcenter")
    page.select_option("#level", "none")
    page.select_option("#section", "1")
    cem.picture("8-register")
    said = cem.sends("/register")
    found = re.search(r"Aktenzeichen: ([\w-]+)\.", said)
    assert found, said
    day.reference = found[1]
    page.check("#purpose-enrolment_notice")
    page.check("#purpose-dropout_support")
    page.select_option("#office", "mbe-beispiel")
    page.click('button:has-text("Einwilligung eintragen")')
    page.wait_for_load_state()


def place_the_person(day: Day, teacher_link: str) -> None:
    """Proposal approved, offer accepted, place confirmed."""
    bo, cem = day.colleagues[0], day.people["Cem Clark"]
    bo.waits_for("/waiting", day.reference)
    bo.goes("/runs")
    bo.sends("/runs/start")
    bo.waits_for("/proposals", day.reference)
    bo.picture("9-proposal")
    assert "Berta" not in bo.page.content()
    card = bo.page.locator("li.kl-proposal", has_text=day.reference)
    card.locator('button:has-text("Bestätigen")').click()
    bo.page.wait_for_load_state()
    cem.waits_for("/desk", day.reference)
    cem.page.locator("tr", has_text=day.reference).locator("td a").click()
    expect(cem.page.locator("article")).to_contain_text("Berta Beispiel")
    cem.picture("10-offer")
    cem.page.click('button:has-text("Ja, nimmt den Platz")')
    cem.page.wait_for_load_state()
    dora = day.person("Dora Dozent (Liste)", day.support)
    dora.comes(teacher_link)
    dora.gives_oneself("provider")
    dora.wears("Kursträger")
    dora.waits_for("/roster", "Deutsch am Vormittag")
    dora.page.locator("th a", has_text="Deutsch am Vormittag").click()
    course = dora.page.url.removeprefix(dora.site)
    dora.waits_for(course, PERSON)
    dora.picture("11-roster")
    dora.page.click('button:has-text("Platz bestätigen")')
    dora.page.wait_for_load_state()


def hear_of_it(day: Day) -> None:
    """The counselling office gets a mail without a name, and finds the alert in its inbox."""
    eda = day.people["Eda Ehrlich"]
    wait_for(lambda: [mail for mail in day.mails() if OFFICE_MAIL in mail], "the mail to the office")
    (mail, *_) = [mail for mail in day.mails() if OFFICE_MAIL in mail]
    assert "Berta" not in mail
    assert day.reference not in mail
    eda.wears("Beratung")
    eda.waits_for("/inbox", "hat einen Platz im Kurs")
    eda.page.locator("#alerts th a").first.click()
    eda.page.click('button:has-text("Name und Kontakt zeigen")')
    expect(eda.page.locator("main")).to_contain_text(PERSON)
    eda.picture("12-alert")


def live(day: Day, links: Mapping[str, str]) -> None:
    """Live the whole day, from the two links that `kurslotse up` prints."""
    with day.part("steering side set up"):
        handed = set_up_steering(day, links["steering"])
    with day.part("course announced by form"):
        announce_a_course(day, handed["provider"])
    with day.part("support side set up"):
        given = set_up_support(day, links["support"])
    with day.part("counselling office in the directory"):
        enter_the_directory(day, given["counselling"])
    with day.part("person registered"):
        register_a_person(day)
    with day.part("proposed, approved, accepted, confirmed"):
        place_the_person(day, given["provider"])
    with day.part("mail and alert at the counselling office"):
        hear_of_it(day)
    with day.part("nothing is missing any more"):
        for name in ("Ada Amtmann", "Cem Clark"):
            who = day.people[name]
            who.wears("Verwaltung")
            who.goes("/first-day")
            assert "fehlt" not in who.text().lower().replace("es fehlt nichts", ""), who.text()
            who.picture(f"13-done-{name[:3].lower()}")
