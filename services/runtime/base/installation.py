"""Says which installation databases, Kafka and a home belong to, and whether they belong together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from schemas.codes import InstallationKind

VARIABLE = "KURSLOTSE_INSTALLATION"


class InstallationError(Exception):
    """Databases, Kafka and home do not belong together; the message says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Id and kind of an installation."""

    id: UUID
    kind: InstallationKind

    def __str__(self) -> str:
        """Name it for people: `real installation 3f2a1c9e`."""
        return f"{self.kind} installation {str(self.id)[:8]}"


@dataclass(frozen=True, slots=True)
class Found:
    """What one place says; `identity` is None where it holds something and does not say of whom."""

    where: str
    identity: Identity | None

    def __str__(self) -> str:
        """Say it for people."""
        return f"{self.where} belongs to {self.identity or 'an installation without an id'}"


def written(identity: Identity) -> str:
    """Write an identity as the environment of a process holds it."""
    return f"{identity.kind}:{identity.id}"


def expected(env: Mapping[str, str]) -> tuple[Found, ...]:
    """Return which installation a process was made for; nothing where its environment does not say.

    Raises:
        InstallationError: what it says cannot be read.
    """
    text = env.get(VARIABLE)
    if not text:
        return ()
    kind, _, id_ = text.partition(":")
    try:
        return (Found(f"This process ({VARIABLE})", Identity(UUID(id_), InstallationKind(kind))),)
    except ValueError as error:
        raise InstallationError(f"{VARIABLE} must read real:ID or demo:ID") from error


def belong_together(found: Sequence[Found], *, demo: bool) -> Identity:
    """Return the installation that all places belong to; `demo` is how the process is to run.

    Raises:
        InstallationError: they belong to several or to none, or the kind does not fit the process.
    """
    identity = _one(found)
    for place in found:
        if place.identity is None or identity is None:
            raise InstallationError(
                f"{place.where} does not say which installation it belongs to: run `kurslotse db apply` with"
                " the addresses of this installation first."
            )
    if identity is None:
        raise InstallationError("No place says which installation this is.")
    if demo and identity.kind is not InstallationKind.DEMO:
        raise InstallationError(
            f"{found[0]}: the demo's sign-in, its clock and its invented people run only on a demo"
            " installation. Nothing was changed. Unset KURSLOTSE_DEMO and KURSLOTSE_CLOCK_FILE, or use the"
            " addresses of a demo."
        )
    if not demo and identity.kind is not InstallationKind.REAL:
        raise InstallationError(
            f"{found[0]}: this process is to run for people, not for a demo. Nothing was changed. Use the"
            " addresses of a real installation, or `kurslotse demo`."
        )
    return identity


def settle(
    home: Found, servers: Sequence[Found], kind: InstallationKind, *, unnamed: InstallationKind
) -> Identity:
    """Return the identity to write where none is yet; what exists decides, `kind` is what is asked for.

    `unnamed` is the kind of what holds data from before installations had an id.

    Raises:
        InstallationError: what exists is another installation, or of another kind.
    """
    known = _one([home, *servers])
    if home.identity is None and (named := [place for place in servers if place.identity]):
        raise InstallationError(
            f"{named[0]}, which was made from another home: {home.where} has other passwords and keys."
            " Nothing was changed. Bring installation.json of that home, or use other servers."
        )
    kinds = {place.where: unnamed for place in servers if place.identity is None}
    if known is not None:
        kinds = {home.where: known.kind} | kinds
    for where, has in kinds.items():
        if has is not kind:
            raise InstallationError(
                f"{where} holds a {has} installation, and a {kind} one is asked for. Nothing was changed."
                f" {_ADVICE[kind]}"
            )
    return known or Identity(uuid4(), kind)


_ADVICE = {
    InstallationKind.DEMO: "A demo needs a home and servers of its own: set KURSLOTSE_HOME to another folder"
    " and unset KURSLOTSE_DATABASE_URL and KURSLOTSE_KAFKA.",
    InstallationKind.REAL: "A real installation needs a home and servers of its own: set KURSLOTSE_HOME to"
    " another folder, or remove the demo with `make clean`. (`db apply` of a demo is told --kind demo.)",
}


def _one(found: Sequence[Found]) -> Identity | None:
    named = [place for place in found if place.identity is not None]
    for place in named[1:]:
        if place.identity != named[0].identity:
            raise InstallationError(
                f"{named[0]}, but {place}. Nothing was changed. Correct KURSLOTSE_HOME,"
                " KURSLOTSE_DATABASE_URL and KURSLOTSE_KAFKA: all must be of one installation."
            )
    return named[0].identity if named else None
