"""Plain text stays on this machine, whatever address the product is given."""

import pytest

from services.runtime.base.addresses import AddressError, Proxies, require_encrypted, require_listening
from services.runtime.base.settings import ServiceSettings, SettingsError
from services.runtime.data.db import connect, open_pool
from services.runtime.kafka.administration import parse_address
from tests.identity import IDENTITY_KEY_TEXT

ENV = {
    "KURSLOTSE_DB_WORKER": "postgresql://w:secret@127.0.0.1/d",
    "KURSLOTSE_DB_WEB": "postgresql://x:secret@127.0.0.1/d",
    "KURSLOTSE_DB_STATUS": "postgresql://s:secret@127.0.0.1/d",
    "KURSLOTSE_SERVICE_KAFKA": "sasl://u:secret@127.0.0.1:1",
    "KURSLOTSE_HTTP": "127.0.0.1:8000",
    "KURSLOTSE_OPS": "127.0.0.1:8001",
    "KURSLOTSE_IDENTITY_KEY": IDENTITY_KEY_TEXT,
}


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8003/",
        "http://127.9.9.9",
        "http://LOCALHOST:1",
        "http://[::1]:1",
        "http://[::ffff:127.0.0.1]:1",
        "https://support.example/",
        "kafka://localhost:9092,127.0.0.1:9093",
        "sasl://u:p@127.0.0.1:9092",
        "ssl://broker:9093",
        "sasl+ssl://u:p@broker:9093,other:9093",
        "postgresql://u:p@127.0.0.1:5432/d",
        "postgresql:///d?host=/run/postgresql",
        "postgresql://u:p@%2Frun%2Fpostgresql/d",
        "postgres://u:p@db/d?sslmode=verify-full",
        "postgresql://u:p@db/d?sslmode=require",
        "smtp://localhost:25",
        "smtps://u:p@mail.example:465",
        "smtp+starttls://u:p@mail.example:587",
    ],
)
def test_an_encrypted_address_or_one_of_this_machine_is_taken(address: str) -> None:
    assert require_encrypted("KURSLOTSE_X", address) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://support.example",
        "http://10.0.0.1:80",
        "http://0.0.0.0",
        "http://127.0.0.1.example/",
        "http://127.0.0.1@support.example/",
        "http://localhost:80@support.example/",
        "http://localhost\\@support.example/",
        "http://localhost.example",
        "http://169.254.169.254",
        "http://[fe80::1]",
        "http://[::ffff:10.0.0.1]",
        "http://",
        "https://",
        "https:support.example",
        "support.example",
        "ftp://127.0.0.1",
        "",
        " http://127.0.0.1",
        "http://127.0.0.1\n.example",
        "kafka://localhost:9092,broker:9092",
        "sasl://u:p@broker:9092",
        "sasl://localhost?x:p@broker:9092",
        "sasl://localhost/x:p@broker:9092",
        "sasl://localhost#x:p@broker:9092",
        "postgresql://u:p@db/d",
        "postgresql://u:p@127.0.0.1,db/d",
        "postgresql://u:p@127.0.0.1/d?host=db",
        "postgresql://u:p@127.0.0.1/d?hostaddr=10.0.0.1",
        "postgresql://u:p@127.0.0.1,/d",
        "postgresql:///d",
        "postgresql://u:p@db/d?sslmode=prefer",
        "postgresql://u:p@db/d?sslmode=verify-full&sslmode=disable",
        "smtp://u:p@mail.example:25",
        "http://[::1",
    ],
)
def test_plain_text_to_another_machine_is_refused_without_showing_the_address(address: str) -> None:
    with pytest.raises(AddressError, match=r"^KURSLOTSE_X ") as refused:
        require_encrypted("KURSLOTSE_X", address)
    assert not address or address not in str(refused.value)


def test_the_refusal_says_what_to_write_instead() -> None:
    with pytest.raises(AddressError, match=r"sslmode=verify-full"):
        require_encrypted("KURSLOTSE_DB_WORKER", "postgresql://u:p@db/d")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KURSLOTSE_DB_WORKER", "postgresql://w:secret@db/d"),
        ("KURSLOTSE_DB_WEB", "postgresql://w:secret@db/d"),
        ("KURSLOTSE_DB_STATUS", "postgresql://w:secret@db/d"),
        ("KURSLOTSE_SERVICE_KAFKA", "sasl://u:secret@broker:1"),
        ("KURSLOTSE_GATEWAY_URL", "http://gateway:8000"),
        ("KURSLOTSE_PEOPLE_URL", "http://notifications:8000"),
        ("KURSLOTSE_PUBLIC_URL", "http://kurslotse.example"),
        ("KURSLOTSE_DEMO_NEIGHBOUR", "http://kurslotse.example"),
        ("KURSLOTSE_SMTP", "smtp://u:secret@mail.example"),
        ("KURSLOTSE_HTTP", "0.0.0.0:8000"),
        ("KURSLOTSE_HTTP", ":::8000"),
        ("KURSLOTSE_OPS", "10.0.0.9:8001"),
        ("KURSLOTSE_PROXIES", "everybody"),
    ],
)
def test_a_service_refuses_every_plain_address_by_the_name_of_its_setting(name: str, value: str) -> None:
    ServiceSettings.from_env("notifications", ENV)
    with pytest.raises(SettingsError, match=name) as refused:
        ServiceSettings.from_env("notifications", ENV | {name: value})
    assert "secret" not in str(refused.value)


async def test_no_connection_is_opened_in_plain_text() -> None:
    with pytest.raises(AddressError):
        await connect("postgresql://u:p@192.0.2.1/d", name="test")
    with pytest.raises(AddressError):
        await open_pool("postgresql://u:p@192.0.2.1/d", name="test")
    with pytest.raises(AddressError):
        parse_address("sasl://u:p@192.0.2.1:9092")


def test_other_machines_are_answered_only_behind_a_proxy_that_ends_tls() -> None:
    proxies = Proxies.parse("KURSLOTSE_PROXIES", "10.1.0.0/24, 10.2.0.5")
    require_listening("KURSLOTSE_HTTP", "0.0.0.0", proxies)  # noqa: S104 - the case
    assert proxies.hold("10.1.0.9")
    assert proxies.hold("::ffff:10.2.0.5")
    assert not proxies.hold("10.2.0.6")
    assert not proxies.hold("testclient")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.9", ["203.0.113.1"], "192.0.2.9"),  # no proxy of ours: whatever it writes
        ("10.1.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("10.1.0.1", ["1.1.1.1, 203.0.113.1"], "203.0.113.1"),  # the client wrote the first one itself
        ("10.1.0.1", ["1.1.1.1", "203.0.113.1, 10.1.0.2"], "203.0.113.1"),
        ("10.1.0.1", [], "10.1.0.1"),
        ("10.1.0.1", ["not an address"], "10.1.0.1"),
        ("10.1.0.1", ["10.1.0.3"], "10.1.0.3"),
    ],
)
def test_only_a_named_proxy_says_who_asks(peer: str, forwarded: list[str], client: str) -> None:
    assert Proxies.parse("KURSLOTSE_PROXIES", "10.1.0.0/24").client_of(peer, forwarded) == client
