"""Reads the file of issuers (setting KURSLOTSE_ISSUERS); a fault names line, issuer and field."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from services.accounts.oidc.door import GivenRole
from services.accounts.oidc.fetching import has_port
from services.accounts.oidc.issuers import Issuer, RoleMapping, RoleRule
from services.runtime.base.addresses import AddressError, require_encrypted
from services.runtime.base.yaml_lines import Lined, Place, UnreadableError, read_file

SETTING = "KURSLOTSE_ISSUERS"
_FAULT = "kurslotse"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_SECRET = 4_096  # bytes
_MOST_SKEW = 300  # seconds; more would let old tokens pass


class IssuersError(ValueError):
    """The file of issuers cannot be used; the message lists what is wrong, where, and what to do."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(
            "\n".join([f"{SETTING}: no issuer was loaded:", *(f"  {fault}" for fault in faults)])
        )


class _Fault(NamedTuple):
    field: Place
    what: str


def _day(value: object) -> object:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise PydanticCustomError(_FAULT, "is no day. Please write it as 2026-01-31.")
    return value


def _issuer_url(value: object) -> object:
    """Check an issuer identifier: https, or http on this machine, without query, fragment or password."""
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(require_encrypted("url", value))
    except AddressError as error:
        raise PydanticCustomError(_FAULT, "cannot be used: {why}.", {"why": str(error)}) from None
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in {"https", "http"} or not plain or not has_port(parts):
        raise PydanticCustomError(
            _FAULT, "is no address of an issuer. Please write https://host/path, exactly as the issuer does."
        )
    return value


_Text = Annotated[str, Field(min_length=1, max_length=300)]
_Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
_Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,100}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Names(_Strict):
    de: _Text
    en: _Text


class _Rule(_Strict):
    claim: _Text
    values: Annotated[list[_Text], Field(min_length=1)]
    organisation: _Key
    role: _Text


class _Mapping(_Strict):
    valid_from: Annotated[date, BeforeValidator(_day)]
    rules: list[_Rule]


class _Entry(_Strict):
    key: _Key
    name: _Names
    url: Annotated[str, BeforeValidator(_issuer_url)]
    client_id: _Text
    client_secret_env: _Text | None = None
    client_secret_file: _Text | None = None
    organisations: Annotated[list[_Key], Field(min_length=1)]
    scopes: list[_Scope] = ["openid", "profile", "email"]
    required_acr: list[_Scope] = []
    required_amr: list[_Text] = []
    clock_skew: Annotated[int, Field(ge=0, le=_MOST_SKEW)] = 60
    mappings: Annotated[list[_Mapping], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class _Source:
    """The file, and what entries are checked against."""

    path: Path
    file: Lined
    env: Mapping[str, str]
    roles: Collection[str]

    def fault(self, entry: Place, raw: object, fault: _Fault) -> str:
        key = raw.get("key") if isinstance(raw, dict) else None
        where = f"{self.path.name}, line {self.file.line_of((*entry, *fault.field))}"
        who = f", issuer {key}" if isinstance(key, str) else ""
        names = ".".join(str(part + 1) if isinstance(part, int) else part for part in fault.field)
        return f"{where}{who}, field {names}: {fault.what}" if names else f"{where}{who}: {fault.what}"


def read_issuers(path: Path, env: Mapping[str, str], roles: Collection[str]) -> Mapping[str, Issuer]:
    """Read all issuers by their key; secrets come from `env` or from files that the file names.

    Args:
        path: A YAML file: `issuers:` and a list.
        env: The environment of the process.
        roles: The roles that this service knows.

    Raises:
        IssuersError: it lists every fault with its line; no secret is ever shown.
    """
    try:
        file = read_file(path)
    except UnreadableError as error:
        raise IssuersError([str(error)]) from None
    except OSError as error:
        raise IssuersError([f"{path.name} cannot be read: {error.strerror}"]) from None
    content = file.content
    if (
        not isinstance(content, dict)
        or set(content) != {"issuers"}
        or not isinstance(content["issuers"], list)
    ):
        line = file.line_of(())
        raise IssuersError(
            [f"{path.name}, line {line}: please write `issuers:` and below it one entry each."]
        )
    source = _Source(path, file, env, roles)
    made: dict[str, Issuer] = {}
    faults: list[str] = []
    for number, raw in enumerate(content["issuers"]):
        entry: Place = ("issuers", number)
        try:
            read = _Entry.model_validate(raw)
        except ValidationError as error:
            faults += [source.fault(entry, raw, _meant(item)) for item in error.errors(include_url=False)]
            continue
        found = list(_wrong(source, read))
        if read.key in made:
            found.append(_Fault(("key",), "stands in this file twice. Please give each issuer its own key."))
        secret = _secret(source, read)
        if isinstance(secret, _Fault):
            found.append(secret)
        else:
            made[read.key] = _issuer(read, secret)
        faults += [source.fault(entry, raw, fault) for fault in found]
    if faults:
        raise IssuersError(faults)
    return made


def _meant(item: ErrorDetails) -> _Fault:
    place = tuple(part for part in item["loc"] if isinstance(part, int | str))
    match item["type"]:
        case "missing":
            return _Fault(place, "is missing. Please add it.")
        case "extra_forbidden" if place[-1] == "client_secret":
            return _Fault(
                place,
                "must not stand in this file. Please delete it, give the client a new secret, and name"
                " an environment variable (client_secret_env) or a file (client_secret_file).",
            )
        case "extra_forbidden":
            return _Fault(place, "is no field of the file of issuers. Please check its spelling.")
        case kind if kind == _FAULT:
            return _Fault(place, item["msg"])
        case _:
            return _Fault(place, f"{item['msg']}. Please correct it.")


def _wrong(source: _Source, entry: _Entry) -> Iterator[_Fault]:
    if "openid" not in entry.scopes:
        yield _Fault(("scopes",), "lacks openid, without which nobody is signed in. Please add it.")
    own = set(entry.organisations)
    days = [mapping.valid_from for mapping in entry.mappings]
    for at, mapping in enumerate(entry.mappings):
        if mapping.valid_from in days[:at]:
            what = f"{mapping.valid_from} stands here twice. Please join the two mappings."
            yield _Fault(("mappings", at, "valid_from"), what)
        for number, rule in enumerate(mapping.rules):
            place: Place = ("mappings", at, "rules", number)
            if rule.organisation not in own:
                yield _Fault(
                    (*place, "organisation"),
                    f"{rule.organisation} is none of the organisations for which this issuer may speak"
                    f" ({', '.join(sorted(own))}). Please correct it, or add it there.",
                )
            if rule.role not in source.roles:
                known = ", ".join(sorted(source.roles))
                yield _Fault((*place, "role"), f"{rule.role} is no role here. Possible are: {known}.")


def _secret(source: _Source, entry: _Entry) -> str | _Fault:
    if (entry.client_secret_env is None) == (entry.client_secret_file is None):
        return _Fault(
            ("client_id",), "needs its secret: please name either client_secret_env or client_secret_file."
        )
    if entry.client_secret_env is not None:
        name = entry.client_secret_env
        return source.env.get(name) or _Fault(
            ("client_secret_env",), f"the environment variable {name} is not set. Please set it."
        )
    path = source.path.parent / str(entry.client_secret_file)
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST_SECRET + 1)
        text = raw.decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not plain text"
        return _Fault(("client_secret_file",), f"{path} cannot be read: {why}. Please correct it.")
    if not text or len(raw) > _LONGEST_SECRET:
        return _Fault(("client_secret_file",), f"{path} holds no secret. Please correct it.")
    return text


def _issuer(entry: _Entry, secret: str) -> Issuer:
    mappings: list[RoleMapping] = [_mapping(one) for one in entry.mappings]
    return Issuer(
        key=entry.key,
        names={"de": entry.name.de, "en": entry.name.en},
        url=entry.url,
        client_id=entry.client_id,
        client_secret=secret,
        organisations=frozenset(entry.organisations),
        mappings=tuple(sorted(mappings, key=lambda mapping: mapping.valid_from)),
        scopes=tuple(entry.scopes),
        required_acr=tuple(entry.required_acr),
        required_amr=tuple(entry.required_amr),
        clock_skew=entry.clock_skew,
    )


def _mapping(mapping: _Mapping) -> RoleMapping:
    rules: list[Any] = [
        RoleRule(rule.claim, frozenset(rule.values), GivenRole(rule.organisation, rule.role))
        for rule in mapping.rules
    ]
    return RoleMapping(mapping.valid_from, tuple(rules))
