"""Turns errors into answers for people and programs that say what is wrong and what to do."""

from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.runtime.web.languages import msgid

_STATUS_TEXTS: Mapping[int, str] = {
    401: msgid("Please sign in first."),
    403: msgid(
        "You may not do this. If you need it for your work, ask who administers Kurslotse in your Kreis."
    ),
    404: msgid(
        "This page does not exist, or it is not one of yours. Go back to the first page and try from there."
    ),
    405: msgid("This address cannot be used this way. Go back to the first page and try from there."),
    408: msgid("Your entry took too long to arrive. Please send it again."),
    413: msgid("What you sent is too large. Please send less at once, or a smaller file."),
    422: msgid("Something in the input cannot be understood. Please check it and send it again."),
    429: msgid("Too many attempts came from your address. Please wait a minute and try again."),
    409: msgid("This is no longer possible. The list shows how it stands now."),
    500: msgid(
        "Something went wrong on our side. Please look how it stands, then try again in a few minutes."
    ),
    503: msgid("Kurslotse cannot answer right now. Please try again in a few minutes."),
}


class PageError(Exception):
    """An error that a person can understand and act on; `message` is a msgid with `params`."""

    def __init__(self, status: int, code: str, message: str, **params: str | int) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.params = status, code, message, params


class SignInNeededError(Exception):
    """Nobody is signed in."""


class FreshSignInNeededError(Exception):
    """Somebody is signed in, but not since a moment ago, and the page wants to be sure."""


def not_found() -> PageError:
    """Return the error for a thing that does not exist or is not one of the visitor's."""
    return PageError(404, "not_found", _STATUS_TEXTS[404])


def wants_json(request: Request) -> bool:
    """Return whether a program asks, judged by path, content type and Accept."""
    accept = request.headers.get("accept", "")
    sent = request.headers.get("content-type", "")
    prefers = "json" in accept and "text/html" not in accept.partition("json")[0]
    return prefers or request.url.path.startswith("/api/") or sent.startswith("application/json")


def status_text(status: int) -> str:
    """Return the msgid for a status that has no text of its own."""
    return _STATUS_TEXTS.get(status, _STATUS_TEXTS[500 if status >= 500 else 404])  # noqa: PLR2004


def problem(status: int, code: str, detail: str, title: str = "") -> Response:
    """Answer a program with a problem document (RFC 9457)."""
    return JSONResponse(
        {"title": title or code, "status": status, "code": code, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
    )


def of_http(error: HTTPException) -> PageError:
    """Return the page error for an error of the framework."""
    return PageError(error.status_code, f"http_{error.status_code}", status_text(error.status_code))


def of_validation(error: RequestValidationError) -> PageError:
    """Return the page error for a failed validation; it names the fields, never their values."""
    fields = sorted({".".join(str(part) for part in item["loc"][1:]) for item in error.errors()})
    return PageError(
        422,
        "input_invalid",
        "Something in the input cannot be understood: %(fields)s. Please check it and send it again.",
        fields=", ".join(field for field in fields if field) or "?",
    )
