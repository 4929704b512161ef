"""Reads what `kurslotse init` is asked for; whatever is wrong is a sentence before anything is done."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.accounts.domain import person_name
from services.notifications.mailboxes import MailboxError, canonical

_AGS = re.compile(r"[0-9]{5}")
_SLUG = re.compile(r"[a-z](?:[a-z0-9-]{0,46}[a-z0-9])?")
"""Of a publisher and of an organisation: what both can be called."""
_TAKEN = ("kreis", "registering-office")
"""Slugs of the first organisations of both sides."""


class WishError(ValueError):
    """Something that is asked for cannot be; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Named:
    """A publisher to be registered; `authority`: it obliges people to take part."""

    slug: str
    name: str
    authority: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be there afterwards."""

    kreis: str
    name: str
    towns: Path | None = None
    providers: Sequence[Named] = ()
    offices: Sequence[Named] = ()
    counselling: Path | None = None
    mail_to: str | None = None


def named(text: str, option: str) -> Named:
    """Read SLUG=NAME.

    Raises:
        WishError: it is something else.

    >>> named("vhs=Volkshochschule Muster", "--provider")
    Named(slug='vhs', name='Volkshochschule Muster', authority=False)
    """
    slug, equals, name = text.partition("=")
    called = person_name(name)
    if not equals or called is None:
        raise WishError(
            f'{option} {text}: write SLUG=NAME, for example {option} vhs="Volkshochschule Muster"'
        )
    if not _SLUG.fullmatch(slug):
        raise WishError(
            f"{option} {text}: {slug or 'the part before ='} is no slug. Write lower case letters, digits and"
            " hyphens, a letter first, at most 48."
        )
    if slug in _TAKEN:
        raise WishError(f"{option} {text}: {slug} is what the first organisation is called. Choose another.")
    return Named(slug, called)


def wishes(
    *,
    kreis: str,
    name: str,
    towns: Path | None,
    providers: Sequence[str],
    offices: Sequence[str],
    authorities: Collection[str],
    no_authorities: Collection[str],
    counselling: Path | None,
    mail_to: str | None,
) -> Wishes:
    """Check everything that can be checked without a database.

    Raises:
        WishError: says which option is wrong and what to write.
    """
    if not _AGS.fullmatch(kreis):
        raise WishError(
            f"--kreis {kreis}: the official key (AGS) of a Kreis has five digits, with the zero in front."
        )
    called = person_name(name)
    if called is None:
        raise WishError("--name: please say what the Kreis is called.")
    sending = [named(one, "--provider") for one in providers]
    registering = [named(one, "--office") for one in offices]
    slugs = [one.slug for one in (*sending, *registering)]
    if twice := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
        raise WishError(f"{', '.join(twice)}: stands there twice. Each publisher has a slug of its own.")
    own = {one.slug for one in registering}
    if strange := sorted({*authorities, *no_authorities} - own):
        raise WishError(f"{', '.join(strange)}: --authority and --no-authority name slugs of --office.")
    for office in registering:
        if (office.slug in authorities) == (office.slug in no_authorities):
            raise WishError(
                f"Does {office.name} oblige people to take part (Jobcenter, Ausländerbehörde, Sozialamt)? Say"
                f" --authority {office.slug} or --no-authority {office.slug}: an authority writes consent and"
                " cannot read it."
            )
    for file in (towns, counselling):
        if file is not None and not file.is_file():
            raise WishError(f"{file}: there is no such file.")
    return Wishes(
        kreis,
        called,
        towns,
        tuple(sending),
        tuple(Named(one.slug, one.name, one.slug in authorities) for one in registering),
        counselling,
        _mailbox(mail_to),
    )


def _mailbox(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return canonical(text)
    except MailboxError as error:
        raise WishError(f"--mail-to: the address {error}") from None
