"""Renders templates into pages, with one Jinja environment for each language."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from pathlib import Path
from types import CodeType
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.bccache import Bucket
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.runtime.web.languages import NOTHING, Texts, load
from services.runtime.web.menus import Menu, Section, laid_out
from services.runtime.web.visit.recognition import signed_in_of
from services.runtime.web.visit.sessions import session_of
from services.runtime.web.visit.visitors import SignIn, Visitor

ACCOUNT = "/account"
"""The page of one's own account, and the first page of roles that have no other."""
HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"


@dataclass(frozen=True, slots=True)
class Site:
    """The pages of one service: names, folders, menu and first page of each role (addresses with msgids).

    `filters` are the service's own filters for templates, made for each language.
    """

    service: str
    title: str
    templates: Sequence[Path]
    locales: Sequence[Path]
    filters: Callable[[Texts], Mapping[str, Callable[..., object]]]
    menu: Mapping[str, Sequence[tuple[str, str]]]
    homes: Mapping[str, str]
    demo: bool
    secure: bool
    sections: Sequence[Section] = ()
    """Pages of the menus that are reached by one entry."""
    search: Mapping[str, str] = field(default_factory=dict)
    """Role -> address of its search, which stands on every page."""
    neighbour: str | None = None  # in the demo: where the other invented people sign in


class _Compiled(BytecodeCache):
    """Templates that this process has compiled: both languages run the same code."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what was compiled of this template."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled of this template."""
        if bucket.code is not None:
            self._code[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


class Web:
    """The tools of page functions: texts, templates, the visitor, answers."""

    def __init__(self, site: Site, sign_in: SignIn) -> None:
        self.site = site
        self.sign_in = sign_in
        self._texts = load((HERE / "locale", *sign_in.locales, *site.locales))
        self._versions = {
            str(path.relative_to(STATIC)): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
            for path in sorted(STATIC.rglob("*"))
            if path.is_file()
        }
        self._environments = {code: self._environment(texts) for code, texts in self._texts.items()}

    def _environment(self, texts: Texts) -> Environment:
        environment = Environment(
            loader=FileSystemLoader((*self.site.templates, *self.sign_in.templates, HERE / "templates")),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            auto_reload=False,  # a template never changes under a running service
            extensions=["jinja2.ext.i18n"],
            bytecode_cache=_COMPILED,
            optimized=False,  # nothing of a language may be worked out while a template is compiled
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.install_gettext_callables(  # type: ignore[attr-defined]  # of the i18n extension
            texts.plain, texts.plain_plural, newstyle=True
        )
        environment.filters.update(
            date=texts.date,
            time=texts.time,
            last_day=texts.last_day,
            number=texts.number,
            short=short,
            iso_date=lambda text: texts.date(date.fromisoformat(text)) if text else NOTHING,
        )
        environment.filters.update(self.site.filters(texts))
        environment.globals.update(static=self.static, site=self.site, texts=texts, LANG=texts.language)
        return environment

    def static(self, name: str) -> str:
        """Return the address of a static file; it changes with the content."""
        return f"/static/{name}?v={self._versions.get(name, '0')}"

    def texts(self, request: Request) -> Texts:
        """Return the visitor's language."""
        return self._texts[session_of(request).language]

    def in_language(self, language: str) -> Texts:
        """Return a language of the pages, whoever visits.

        Raises:
            KeyError: there is no such language.
        """
        return self._texts[language]

    def visitor(self, request: Request) -> Visitor | None:
        """Return who is signed in."""
        found = signed_in_of(request)
        return found.visitor if found else None

    def home(self, role: str) -> str:
        """Return the address of a role's first page."""
        return self.site.homes.get(role, ACCOUNT)

    def text(self, request: Request, template: str, **context: Any) -> Markup:  # noqa: ANN401 - of the template
        """Render a template with the values that all templates use."""
        session, visitor = session_of(request), self.visitor(request)
        session.changed = session.changed or session.fresh  # the token of the page's forms must be kept
        common = {
            "visitor": visitor,
            "session": session,
            "csrf": session.csrf,
            "path": request.url.path,
            "reads_only": getattr(request.state, "reads_only", False),
            "search": self.site.search.get(visitor.role, "") if visitor else "",
            "menu": self._menu(visitor, request.url.path) if visitor else Menu(()),
        }
        environment = self._environments[session.language]
        return Markup(environment.get_template(template).render(common | context))  # noqa: S704 - escaped by Jinja

    def _menu(self, visitor: Visitor, path: str) -> Menu:
        entries = (*self.site.menu.get(visitor.role, ()), *visitor.menu)
        return laid_out(entries, self.site.sections, path)

    def page(self, request: Request, template: str, status: int = 200, **context: Any) -> Response:  # noqa: ANN401
        """Answer with a whole page; messages kept for it are shown once."""
        flashes = session_of(request).take_flashes()
        # The title begins with "Error:" and what is wrong takes the focus.
        failed = status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY} or (
            status >= HTTPStatus.BAD_REQUEST and request.method != "GET"
        )
        return HTMLResponse(self.text(request, template, flashes=flashes, failed=failed, **context), status)

    def texts_in(self, language: str) -> Texts:
        """Return a language by its code."""
        return self._texts[language]

    def public_page(self, template: str, language: str, **context: Any) -> Response:  # noqa: ANN401 - of the template
        """Answer with a page that is the same for everybody: no session, no form, no cookie."""
        return HTMLResponse(self._environments[language].get_template(template).render(context))

    def live(self, request: Request, template: str, address: str, **context: Any) -> Markup:  # noqa: ANN401
        """Render a part of a page that renews itself from `address`."""
        inner = self.text(request, template, **context)
        seen = hashlib.sha256(inner.encode()).hexdigest()[:16]
        return self.text(request, "live.html", inner=inner, address=address, seen=seen)

    def renewed(self, request: Request, template: str, address: str, **context: Any) -> Response:  # noqa: ANN401
        """Answer with a part of a page, or with nothing (204) if the browser has it as it is."""
        part = self.live(request, template, address, **context)
        seen = request.query_params.get("seen", "")
        if seen and f"seen={seen}" in part:
            return Response(status_code=204)
        return HTMLResponse(part)

    def note(self, request: Request, kind: str, text: str) -> None:
        """Keep a message, already in the visitor's language, for the next page."""
        session_of(request).flash(kind, text)

    def back(
        self, request: Request, address: str, kind: str = "", message: str = "", **params: str | int
    ) -> Response:
        """Send the browser to a page after a form, with a message there."""
        if message:
            session_of(request).flash(kind, self.texts(request).gettext(message, **params))
        return RedirectResponse(address, 303)


def web_of(request: Request) -> Web:
    """Return the page tools of this application."""
    web = request.app.state.web
    assert isinstance(web, Web)  # noqa: S101 - set by the factory
    return web


def short(value: object) -> str:
    """Return the first characters of an id; the link beside it holds all of them."""
    return str(value)[:8]


def own_path(address: str | None, default: str = "/") -> str:
    """Return the address if it is a path of this site, else the default."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return default
    return address
