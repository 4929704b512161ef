"""Tests the decision tables of the runtime: failures, retries, offsets, addresses, breaker."""

import builtins

import aiokafka.errors
import asyncpg
import pytest
from aiokafka import TopicPartition
from asyncpg.exceptions import _base

from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.retry import backoff
from services.runtime.base.settings import ServiceSettings, SettingsError, parse_roles
from services.runtime.bookkeeping.breaker import Fate, refused_in_row
from services.runtime.bookkeeping.offsets import (
    ContiguousRecords,
    Gap,
    OutOfRange,
    ReadFrom,
    Stored,
    contiguous_records,
    where_to_read_from,
)
from services.runtime.data.roles import address_of, checked, database_name, scram_verifier
from services.runtime.kafka.administration import client_options, parse_address
from tests.identity import IDENTITY_KEY_TEXT

P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)


@pytest.mark.parametrize(
    ("error", "dead", "meaning"),
    [
        (ConnectionRefusedError(), True, Meaning.TRANSIENT),
        (OSError(), False, Meaning.TRANSIENT),
        (builtins.TimeoutError(), False, Meaning.TRANSIENT),
        (TimeoutError(), False, Meaning.TRANSIENT),
        (asyncpg.CannotConnectNowError(), True, Meaning.TRANSIENT),
        (asyncpg.ConnectionDoesNotExistError(), True, Meaning.TRANSIENT),
        (asyncpg.AdminShutdownError(), True, Meaning.TRANSIENT),
        (asyncpg.CrashShutdownError(), True, Meaning.TRANSIENT),
        (asyncpg.IdleInTransactionSessionTimeoutError(), True, Meaning.TRANSIENT),
        (asyncpg.SerializationError(), False, Meaning.TRANSIENT),
        (asyncpg.DeadlockDetectedError(), False, Meaning.TRANSIENT),
        (asyncpg.InterfaceError("closed"), True, Meaning.TRANSIENT),
        (asyncpg.InterfaceError("misuse"), False, Meaning.FATAL),
        (asyncpg.InternalClientError("cannot switch to state 15"), True, Meaning.TRANSIENT),
        (asyncpg.InternalClientError("protocol"), False, Meaning.FATAL),
        (asyncpg.NumericValueOutOfRangeError(), False, Meaning.POISON),
        (asyncpg.UniqueViolationError(), False, Meaning.POISON),
        (asyncpg.CheckViolationError(), False, Meaning.POISON),
        (asyncpg.CardinalityViolationError(), False, Meaning.POISON),
        (_base.DataError("invalid input for query argument"), False, Meaning.POISON),
        (asyncpg.UndefinedColumnError(), False, Meaning.FATAL),
        (asyncpg.UndefinedTableError(), True, Meaning.FATAL),
        (asyncpg.InsufficientPrivilegeError(), False, Meaning.FATAL),
        (asyncpg.RaiseError(), False, Meaning.CRASH),
        (aiokafka.errors.KafkaConnectionError(), False, Meaning.TRANSIENT),
        (NameError(), False, Meaning.CRASH),
        (TypeError(), True, Meaning.CRASH),
        (AttributeError(), False, Meaning.CRASH),
        (KeyError(), False, Meaning.CRASH),
        (OverflowError(), False, Meaning.CRASH),
        (RecursionError(), False, Meaning.CRASH),
        (asyncpg.DiskFullError(), False, Meaning.TRANSIENT),
        (asyncpg.StatementTooComplexError(), False, Meaning.POISON),
        (asyncpg.InternalServerError(), False, Meaning.FATAL),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_failure_has_one_meaning(error: Exception, dead: bool, meaning: Meaning) -> None:
    assert meaning_of(error, connection_dead=dead) is meaning


def test_a_failure_is_named_without_its_text() -> None:
    assert name_of(asyncpg.UniqueViolationError("Key (name)=(Erika) exists")) == "UniqueViolationError:23505"
    assert name_of(ValueError("Erika")) == "ValueError"


def test_waits_grow_up_to_the_cap_and_are_never_negative() -> None:
    waits = [backoff(attempt, base=0.1, cap=5.0) for attempt in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[0] == 0.1
    assert waits[-1] == 5.0
    assert all(backoff(attempt, chance=0.999) >= 0.5 * backoff(attempt) for attempt in range(1, 12))


class At:
    def __init__(self, offset: int) -> None:
        self.offset = offset


def cut_offsets(
    polled: dict[TopicPartition, list[int]],
    stored: dict[TopicPartition, int],
    confirmed: dict[TopicPartition, Gap] | None = None,
) -> tuple[list[int], ContiguousRecords[At]]:
    result = contiguous_records(
        {partition: [At(offset) for offset in offsets] for partition, offsets in polled.items()},
        {partition: Stored(offset, 0) for partition, offset in stored.items()},
        confirmed or {},
    )
    return [record.offset for record in result.records], result


def test_records_below_the_stored_offset_are_skipped() -> None:
    fresh, result = cut_offsets({P0: [3, 4, 5]}, {P0: 5})
    assert fresh == [5]
    assert result.redelivered == 2
    assert result.next_offsets == {P0: 6}


def test_a_batch_above_the_stored_offset_is_refused_and_others_go_on() -> None:
    fresh, result = cut_offsets({P0: [7, 8], P1: [0, 1]}, {P0: 5, P1: 0})
    assert fresh == [0, 1]
    assert result.gaps == {P0: Gap(5, 7)}
    assert result.next_offsets == {P1: 2}


def test_a_gap_inside_a_batch_ends_it_there() -> None:
    fresh, result = cut_offsets({P0: [5, 6, 9]}, {P0: 5})
    assert fresh == [5, 6]
    assert result.gaps == {P0: Gap(7, 9)}
    assert result.next_offsets == {P0: 7}


def test_only_the_confirmed_gap_is_passed() -> None:
    assert cut_offsets({P0: [7, 8]}, {P0: 5}, {P0: Gap(5, 7)})[0] == [7, 8]
    assert cut_offsets({P0: [8]}, {P0: 5}, {P0: Gap(5, 7)})[0] == []


def test_a_partition_without_a_stored_offset_is_not_touched() -> None:
    fresh, result = cut_offsets({P0: [0, 1]}, {})
    assert (fresh, result.next_offsets, result.unprepared) == ([], {}, {P0})


@pytest.mark.parametrize(
    ("stored", "beginning", "end", "answer"),
    [
        (None, 3, 9, ReadFrom(3, first_time=True)),
        (3, 3, 9, ReadFrom(3, first_time=False)),
        (9, 3, 9, ReadFrom(9, first_time=False)),
        (2, 3, 9, OutOfRange(2, 3, 9)),
        (10, 3, 9, OutOfRange(10, 3, 9)),
    ],
)
def test_where_reading_goes_on(
    stored: int | None, beginning: int, end: int, answer: ReadFrom | OutOfRange
) -> None:
    assert where_to_read_from(stored, beginning, end) == answer


def test_refusals_in_a_row_are_ended_by_one_accepted_record() -> None:
    assert refused_in_row(0, [Fate.REFUSED, Fate.CRASHED]) == 2
    assert refused_in_row(5, [Fate.FINE]) == 0
    assert refused_in_row(5, [Fate.NEITHER, Fate.REFUSED]) == 6


def test_kafka_addresses() -> None:
    plain = parse_address("kafka://127.0.0.1:9092,localhost:9093")
    assert (plain.servers, plain.tls, plain.user) == ("127.0.0.1:9092,localhost:9093", False, None)
    sasl = parse_address("sasl+ssl://me:p%40ss@host:9094")
    assert (sasl.user, sasl.password, sasl.tls) == ("me", "p@ss", True)
    assert "p@ss" not in repr(sasl)
    assert client_options(parse_address("sasl://me:x@localhost:1"))["security_protocol"] == "SASL_PLAINTEXT"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:9092",
        "kafka://",
        "kafka://h",
        "kafka://u:p@h:1",
        "sasl://h:1",
        "http://h:1",
        "kafka://h:x",
    ],
)
def test_what_is_no_kafka_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(a Kafka address|sasl://)"):
        parse_address(text)


def test_names_of_databases_and_roles() -> None:
    assert database_name("", "gateway") == "kurslotse_gateway"
    assert database_name("t1-", "gateway") == "t1_kurslotse_gateway"
    for bad in ("1-", "A", "x;drop"):
        with pytest.raises(ValueError, match="prefix"):
            database_name(bad, "gateway")
    with pytest.raises(ValueError, match="identifier"):
        checked('x"; --')
    assert (
        address_of("postgresql://admin:a@h:5/postgres?x=1", "db", "role", "p:w")
        == "postgresql://role:p%3Aw@h:5/db?x=1"
    )


def test_a_scram_verifier_is_the_one_of_the_standard() -> None:
    # RFC 7677, section 3, with PostgreSQL's form of the result.
    verifier = scram_verifier("pencil", b"W22ZaJ0SNY7soEsUEjb6gQ==")
    assert verifier.startswith("SCRAM-SHA-256$4096:")
    assert "pencil" not in verifier


ENV = {
    "KURSLOTSE_DB_WORKER": "postgresql://w:secret@localhost/d",
    "KURSLOTSE_DB_WEB": "postgresql://x:secret@localhost/d",
    "KURSLOTSE_DB_STATUS": "postgresql://s:secret@localhost/d",
    "KURSLOTSE_SERVICE_KAFKA": "sasl://u:secret@localhost:1",
    "KURSLOTSE_HTTP": "127.0.0.1:8000",
    "KURSLOTSE_OPS": "127.0.0.1:8001",
    "KURSLOTSE_IDENTITY_KEY": IDENTITY_KEY_TEXT,
}


def test_settings_hold_secrets_back() -> None:
    settings = ServiceSettings.from_env("allocation", ENV, parse_roles("consume, relay"))
    assert settings.roles == {"consume", "relay"}
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("name", sorted(ENV))
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        ServiceSettings.from_env("allocation", {key: value for key, value in ENV.items() if key != name})


def test_unknown_roles_are_refused() -> None:
    with pytest.raises(SettingsError, match="cook"):
        ServiceSettings.from_env("allocation", ENV, parse_roles("cook"))
