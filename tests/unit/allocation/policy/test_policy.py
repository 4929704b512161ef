"""Dated rules and policies: what holds on which day, and when a region is steered."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from schemas.days import local_day
from services.allocation.law.mistakes import DocumentError
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import of_installation
from services.allocation.policy.domain import DEMO, Cadence, Policies, Step, load_policies
from services.runtime.base.installation import InstallationError
from services.runtime.base.settings import ServiceSettings

DAILY = Cadence(every="daily", hour=6, near_start_days=14)
WEEKLY = Cadence(every="weekly", hour=6, weekday=0, near_start_days=14)


def utc(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cadence", "waiting", "urgent", "expected"),
    [
        (DAILY, None, None, None),
        (DAILY, utc(2, 4, 59), None, utc(2, 5)),  # 6:00 in Germany is 5:00 UTC in winter
        (DAILY, utc(2, 5), None, utc(2, 5)),
        (DAILY, utc(2, 5, 1), None, utc(3, 5)),
        (DAILY, utc(28, 12), None, utc(29, 4)),  # clocks go forward in between
        (DAILY, utc(2, 12), utc(2, 13), utc(2, 13)),
        (DAILY, utc(2, 5), utc(2, 13), utc(2, 5)),
        (WEEKLY, utc(2, 4), None, utc(2, 5)),  # a Monday
        (WEEKLY, utc(2, 6), None, utc(9, 5)),
    ],
)
def test_when_a_region_is_due(
    cadence: Cadence, waiting: datetime | None, urgent: datetime | None, expected: datetime | None
) -> None:
    assert cadence.due_at(waiting, urgent) == expected


def test_a_near_start_is_urgent() -> None:
    assert DAILY.is_near(date(2026, 3, 16), utc(2, 12))
    assert not DAILY.is_near(date(2026, 3, 17), utc(2, 12))
    assert DAILY.is_near(date(2026, 3, 17), utc(2, 23, 30))  # the next day has begun in Germany


def test_a_reservation_lasts_to_the_end_of_its_last_day() -> None:
    reservation = load_policies().at("99001", utc(2, 12)).reservation
    assert reservation.until(utc(2, 12)) == utc(12, 23)
    assert reservation.until(utc(2, 12), present=True) == utc(5, 23)
    assert local_day(reservation.until(utc(25, 12))) == date(2026, 4, 5)


def test_only_what_waits_for_a_date_is_automatic_until_the_kreis_decides() -> None:
    default, demo = load_policies().at("99001", utc(2, 12)), load_policies(DEMO).at("99001", utc(2, 12))
    assert {step for step in Step if default.automates(step)} == {Step.EXPIRE, Step.START, Step.COMPLETE}
    assert demo.automates(Step.EXPIRE)
    assert not demo.automates(Step.RELEASE)
    assert default.version() != demo.version()


def test_the_demo_policy_is_for_the_demo_only(tmp_path: Path) -> None:
    copied, decided = tmp_path / "copy.yaml", tmp_path / "decided.yaml"
    text = DEMO.read_text("utf-8")
    copied.write_text(text.replace("daily", "weekly").replace("hour: 6", "hour: 6, weekday: 1"), "utf-8")
    decided.write_text(text.replace("erfunden, für die Vorführung", "Kreistag, 1. März 2026"), "utf-8")
    for file in (DEMO, copied):
        with pytest.raises(InstallationError, match=r"the demo's invented Kreis.*real installation"):
            of_installation(settings(KURSLOTSE_POLICY=str(file)))
        assert of_installation(settings(KURSLOTSE_POLICY=str(file), KURSLOTSE_DEMO="1")).entries
    assert of_installation(settings(KURSLOTSE_POLICY=str(decided))).entries
    assert of_installation(settings()) == load_policies()


def settings(**env: str) -> ServiceSettings:
    databases = {f"KURSLOTSE_DB_{kind}": "postgresql://u:p@127.0.0.1/x" for kind in ("WEB", "STATUS")}
    given = {
        "KURSLOTSE_DB_WORKER": "postgresql://u:p@127.0.0.1/x",
        "KURSLOTSE_SERVICE_KAFKA": "kafka://127.0.0.1:9092",
        "KURSLOTSE_HTTP": "127.0.0.1:1",
        "KURSLOTSE_OPS": "127.0.0.1:2",
        "KURSLOTSE_IDENTITY_KEY": base64.b64encode(bytes(32)).decode(),
    }
    return ServiceSettings.from_env("allocation", given | databases | env)


def test_a_kreis_of_its_own_goes_before_all_and_the_later_before_the_earlier() -> None:
    common = load_policies().entries[0]
    own = common.model_copy(update={"kreise": ("99001",), "valid_from": date(2026, 1, 1)})
    later = common.model_copy(update={"valid_from": date(2026, 2, 1)})
    policies = Policies((common, own, later))
    assert policies.on("99001", date(2026, 3, 1)) is own
    assert policies.on("99001", date(2025, 3, 1)) is common
    assert policies.on("99002", date(2026, 3, 1)) is later
    with pytest.raises(LookupError):
        Policies((later,)).on("99001", date(2026, 1, 31))


def test_a_mistake_in_a_policy_names_its_place(tmp_path: Path) -> None:
    wrong = tmp_path / "policy.yaml"
    wrong.write_text(DEMO.read_text(encoding="utf-8").replace("hour: 6", "hour: 36"), encoding="utf-8")
    with pytest.raises(DocumentError, match=r"policy\.yaml:\d+:33: 1 > cadence > hour: .* at most 23"):
        load_policies(wrong)


def test_every_rule_has_a_source_and_the_day_decides() -> None:
    book = load_rulebook()
    before, after = book.on(date(2024, 11, 30)), book.on(date(2026, 3, 1))
    assert "integration_women" in before.course_types
    assert "integration_women" not in after.course_types
    assert before.version != after.version
    assert after.version == book.on(date(2026, 3, 2)).version
    assert all(rule.source for rule in after.course_types.values())
    assert [known.code for known in after.priorities.classes] == ["urgent_duty", "other_duty", "others"]


@pytest.mark.parametrize(
    ("route", "granted", "admitted"),
    [
        ("aufenthg_44_4", date(2026, 2, 8), True),
        ("aufenthg_44_4", date(2026, 2, 9), False),
        ("aufenthg_44_1", date(2026, 2, 9), True),
        ("unheard_of", date(2026, 2, 8), False),
    ],
)
def test_a_closed_route_admits_nobody_new(route: str, granted: date, admitted: bool) -> None:
    assert load_rulebook().on(date(2026, 3, 1)).route_admits(route, granted) is admitted
