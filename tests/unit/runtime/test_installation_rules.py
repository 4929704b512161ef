"""Which places belong together, and what decides the id and kind of an installation."""

from uuid import uuid4

import pytest

from schemas.codes import InstallationKind
from services.runtime.base.installation import (
    VARIABLE,
    Found,
    Identity,
    InstallationError,
    belong_together,
    expected,
    settle,
    written,
)

REAL, DEMO = InstallationKind
THEIRS = Identity(uuid4(), REAL)
PLAYED = Identity(uuid4(), DEMO)


def at(identity: Identity | None, where: str = "The database d at h:1") -> Found:
    return Found(where, identity)


@pytest.mark.parametrize(("identity", "demo"), [(THEIRS, False), (PLAYED, True)])
def test_places_of_one_installation_are_taken(identity: Identity, *, demo: bool) -> None:
    assert belong_together([at(identity), at(identity, "Kafka")], demo=demo) == identity


@pytest.mark.parametrize(
    ("found", "demo", "said"),
    [
        ([at(THEIRS), at(Identity(uuid4(), REAL), "Kafka")], False, "must be of one installation"),
        ([at(THEIRS), at(Identity(THEIRS.id, DEMO), "Kafka")], False, "must be of one installation"),
        ([at(THEIRS), at(None, "Kafka")], False, "Kafka does not say"),
        ([at(None), at(None, "Kafka")], False, "run `kurslotse db apply`"),
        ([], False, "No place"),
        ([at(THEIRS), at(THEIRS)], True, "run only on a demo"),
        ([at(PLAYED), at(PLAYED)], False, "not for a demo"),
    ],
)
def test_places_that_do_not_fit_are_refused(found: list[Found], said: str, *, demo: bool) -> None:
    with pytest.raises(InstallationError, match=said):
        belong_together(found, demo=demo)


@pytest.mark.parametrize("kind", InstallationKind)
def test_where_nothing_is_what_is_asked_for_is_made(kind: InstallationKind) -> None:
    made = settle(at(None), [], kind, unnamed=REAL)
    assert made.kind is kind
    assert made.id != settle(at(None), [], kind, unnamed=REAL).id


def test_what_exists_stays() -> None:
    assert settle(at(THEIRS), [at(THEIRS), at(THEIRS)], REAL, unnamed=REAL) == THEIRS
    assert settle(at(PLAYED), [], DEMO, unnamed=REAL) == PLAYED


def test_what_is_from_before_gets_an_id_and_the_kind_it_has() -> None:
    assert settle(at(None), [at(None)], REAL, unnamed=REAL).kind is REAL
    assert settle(at(None), [at(None)], DEMO, unnamed=DEMO).kind is DEMO
    assert settle(at(THEIRS), [at(THEIRS), at(None)], REAL, unnamed=REAL) == THEIRS, "half done"


@pytest.mark.parametrize("asked", InstallationKind)
@pytest.mark.parametrize("unnamed", InstallationKind)
@pytest.mark.parametrize("home", [None, THEIRS, PLAYED])
@pytest.mark.parametrize("servers", [[], [None], [THEIRS], [PLAYED], [THEIRS, None], [PLAYED, THEIRS]])
def test_no_combination_turns_one_kind_into_the_other(
    home: Identity | None,
    servers: list[Identity | None],
    unnamed: InstallationKind,
    asked: InstallationKind,
) -> None:
    try:
        made = settle(at(home, "home"), [at(one) for one in servers], asked, unnamed=unnamed)
    except InstallationError:
        return
    assert made.kind is asked
    kinds = {one.kind if one else unnamed for one in servers} | ({home.kind} if home else set())
    assert kinds <= {asked}
    assert {one.id for one in [home, *servers] if one} <= {made.id}
    assert home is not None or not any(servers), "another home's servers are not taken over"


def test_a_process_is_told_for_whom_it_was_made() -> None:
    (found,) = expected({VARIABLE: written(THEIRS)})
    assert found.identity == THEIRS
    assert expected({}) == ()
    for wrong in ("real", "real:", "x:" + str(THEIRS.id), str(THEIRS.id)):
        with pytest.raises(InstallationError):
            expected({VARIABLE: wrong})
