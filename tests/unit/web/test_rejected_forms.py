"""Every form is either tried with rubbish, or has nothing in it that could be wrong; somebody says which."""

import pytest
from jinja2 import Environment, FileSystemLoader

from services.accounts.domain import Side
from services.runtime.web.pages import HERE
from tests.accounts.routes import applications, everybody, routes
from tests.integration.accounts import test_rejected_forms as of_accounts
from tests.integration.allocation.console import test_rejected_forms as of_console
from tests.integration.notifications import test_rejected_forms as of_support
from tests.rejected import faults_of

BUTTONS = {
    "/account/passkeys/remove", "/account/role", "/account/sessions/end", "/authority/export",
    "/authority/send", "/courses/{course_id}/ruling/end", "/courses/{course_id}/steps", "/forecast",
    "/invitation/{token}/join", "/keys", "/keys/{prefix}/end", "/inbox/{alert}/contact",
    "/offices/{office}/mailboxes/free", "/offices/{office}/mailboxes/test",
    "/offices/{office}/silences/{silence_id}/end", "/offices/{office}/webhooks/{endpoint}/{act}",
    "/offers/{placement}/accept", "/organisation/invitations/{invitation}/withdraw",
    "/organisation/people/{person}/activate", "/organisation/people/{person}/deactivate",
    "/organisation/people/{person}/recovery", "/organisation/people/{person}/roles",
    "/organisation/people/{person}/roles/{given}/end", "/organisation/publisher",
    "/organisations/{slug}/activate", "/organisations/{slug}/deactivate", "/organisations/{slug}/invitation",
    "/organisations/{slug}/keys", "/organisations/{slug}/keys/{prefix}/end",
    "/people/{participant}/deviation/end",
    "/people/{participant}/exclusions/{exclusion}/end", "/people/{participant}/hold/end",
    "/people/{participant}/revoke", "/placements/{placement}/step", "/policy/adopt", "/policy/travel/remove",
    "/policy/versions/{version}/preview", "/pooling", "/preferences", "/proposals/approve", "/runs/start",
    "/sign-out", "/towns/take", "/answers/{task}", "/answers/{task}/delete", "/outcomes/report",
    "/needs/{measure}/end", "/outcomes/sources/remove", "/policy/form/effects", "/policy/form/open",
}  # fmt: skip
"""Buttons, and forms whose page is opened again to tell what is wrong: nothing ticked, a name too long."""
SCRIPTS = {
    "/account/passkeys", "/account/passkeys/options", "/invitation/{token}/passkey",
    "/invitation/{token}/passkey/options", "/sign-in/passkey", "/sign-in/passkey/options",
}  # fmt: skip
"""Answered to a script, not shown."""


def test_every_form_is_tried_or_has_nothing_to_be_wrong() -> None:
    apps = applications({side: everybody(side) for side in Side})
    posted = {one.path for one in routes(apps) if one.method == "POST" and not one.path.startswith("/api/")}
    tried = (
        {path for path, _ in (*of_console.COORDINATION, *of_console.PROVIDER, *of_console.POLICY)}
        | of_console.ALONE
        | of_support.TRIED
        | of_accounts.TRIED
    )
    assert posted - tried - BUTTONS - SCRIPTS == set()
    assert (tried | BUTTONS | SCRIPTS) - posted == set()


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        ('<input id="a" aria-invalid="true" aria-describedby="a-error"><p id="a-error">Falsch</p>', None),
        ('<input id="a"><p id="a-error">Falsch</p>', "is not marked"),
        ('<input id="a" aria-invalid="true">', "is not described"),
        ('<p id="a"></p>', "is no field"),
        ("", "leads nowhere"),
    ],
)
def test_the_check_sees_what_is_missing(field: str, fault: str | None) -> None:
    page = (
        "<html><title>Fehler: Seite</title>"
        '<div id="errors" role="alert" tabindex="-1" autofocus><a href="#a">Falsch</a></div>' + field
    )
    found = list(faults_of(page))
    assert found == [] if fault is None else any(fault in one for one in found)


def test_hostile_text_in_a_summary_stays_text() -> None:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, extensions=["jinja2.ext.i18n"]
    )
    environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]  # of the extension
    template = environment.from_string(
        '{% import "kern.html" as kern %}'
        '{{ kern.summary({"a\\" onfocus=\\"x": "<script>", "b": "", "-c": "alone"}) }}'
    )
    page = template.render()
    assert "<script>" not in page
    assert 'href="#a&#34; onfocus=&#34;x"' in page
    assert '"#b"' not in page
    assert "<li>alone</li>" in page
