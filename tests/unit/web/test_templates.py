"""Templates that pages name are there: a wrong name would only be seen when somebody opens the page."""

import re
from pathlib import Path

import pytest

from tests.unit.web.messages import ROOT

FOLDERS = {
    "allocation": ("allocation/console", "simulator/comparison"),
    "notifications": ("notifications/pages",),
}
_NAMED = re.compile(r"""["']([a-z][a-z0-9-]*\.html)["']""")


@pytest.mark.parametrize("service", FOLDERS)
def test_every_template_that_a_page_names_is_there_and_none_is_left_over(service: str) -> None:
    folders = [ROOT / name for name in (*FOLDERS[service], "texts", "runtime/web")]
    templates = {path.name: path for folder in folders for path in folder.rglob("templates/*.html")}
    named = {
        name: path
        for folder in folders
        for path in (*folder.rglob("*.py"), *templates.values())
        for name in _NAMED.findall(path.read_text("utf-8"))
    }
    assert {name: _short(path) for name, path in named.items() if name not in templates} == {}
    own = {name for name, path in templates.items() if not {"runtime", "texts"} & set(path.parts)}
    assert own - set(named) == set()


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))
