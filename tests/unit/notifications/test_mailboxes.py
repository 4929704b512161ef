"""Mailboxes of offices: one plain address with a domain that every mail server can look up, or a sentence."""

import pytest

from services.notifications.mailboxes import MailboxError, canonical


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("beratung@example.org", "beratung@example.org"),
        ("beratung@jmd-görlitz.example", "beratung@xn--jmd-grlitz-icb.example"),
        ("beratung@jmd-go\u0308rlitz.example", "beratung@xn--jmd-grlitz-icb.example"),
        ("beratung@JMD-GÖRLITZ.Example", "beratung@xn--jmd-grlitz-icb.example"),
        ("beratung@straße.example", "beratung@xn--strae-oqa.example"),  # IDNA 2008: not strasse.example
        ("beratung@xn--jmd-grlitz-icb.example", "beratung@xn--jmd-grlitz-icb.example"),
        ("beratung@post.träger.example", "beratung@post.xn--trger-hra.example"),
        ("mbe+alerts.o'neil@example.org", "mbe+alerts.o'neil@example.org"),
        ("Beratung@Example.ORG", "Beratung@example.org"),
    ],
)
def test_one_plain_mailbox_is_kept_with_its_domain_in_punycode(written: str, kept: str) -> None:
    assert canonical(written) == kept
    assert canonical(kept) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "jmd",
        "<jmd>",
        "jmd@",
        "@example.org",
        "jmd@[192.0.2.1",
        "jmd@[192.0.2.1]",
        "jmd@192.0.2.1",
        "jmd@localhost",
        "jmd@example.org.",
        "jmd@.example.org",
        "jmd@example..org",
        "jmd@-example.org",
        "jmd@exa_mple.org",
        "jmd@xn--zzzz.example",
        "jmd@😀.example",
        "jmd(x@example.org",
        "jmd@example.org(x)",
        ".jmd@example.org",
        "jmd.@example.org",
        "j..md@example.org",
        "jmd@@example.org",
        "jmd@a.example@b.example",
        '"jmd"@example.org',
        '"j md"@example.org',
        "JMD <jmd@example.org>",
        "<jmd@example.org>",
        "a@example.org,b@example.org",
        "a@example.org; b@example.org",
        "mailto:jmd@example.org",
        "jmd@example.org?cc=x@example.org",
        " jmd@example.org",
        "jmd@example.org ",
        "j md@example.org",
        "jmd@example.org\n",
        "jmd@example.org\r\nBcc: x@example.org",
        "jmd\x00@example.org",
        "jmd\t@example.org",
        "jmd@example.org\x7f",
        "jmd@example\u00a0.org",
        "jmd@exam\u200bple.org",
        "\ufeffjmd@example.org",
        "jmd\uff20example.org",
        "j\udcffmd@example.org",
        "jmd@exam\udcffple.org",
        "jmd@" + "x" * 64 + ".example",
        "x" * 65 + "@example.org",
        "jmd@" + ".".join(["abcdefgh"] * 28) + ".example",
    ],
)
def test_anything_else_is_refused_with_what_to_do_and_without_the_value(written: str) -> None:
    with pytest.raises(MailboxError, match=r"Write one plain address, for example beratung@example\.org\."):
        canonical(written)


@pytest.mark.parametrize("local", ["jürgen", "беседа", "jmd\uff10"])
def test_a_local_part_needs_plain_letters(local: str) -> None:
    with pytest.raises(MailboxError, match="Ask the office for an address in plain letters"):
        canonical(f"{local}@example.org")
