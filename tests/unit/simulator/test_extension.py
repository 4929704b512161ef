"""The comparison of invented years exists in the demo only."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from services.allocation.extension import Extension, extension_of
from services.runtime.base.settings import ServiceSettings, SettingsError
from services.simulator.comparison.extension import EXTENSION
from tests.serving import NOWHERE

NAMED = {"KURSLOTSE_EXTENSION": "services.simulator.comparison.extension"}
STARTED = """
import asyncio, json, sys
import httpx
from prometheus_client import CollectorRegistry
import services.allocation.__main__
import services.allocation.consumer
import services.allocation.steering.questions.worker
import services.allocation.steering.runs.worker
from services.allocation.console.app import create_console
from services.allocation.extension import extension_of
from services.allocation.law.rulebook import load_rulebook
from services.allocation.steering.questions.worker import KINDS
from services.runtime.base.clock import SystemClock
from services.runtime.base.settings import ServiceSettings
from services.runtime.serve.service import Resources
from tests.serving import NOWHERE

settings = ServiceSettings.from_env("allocation", json.loads(sys.argv[1]))
extension = extension_of(settings)
resources = Resources(settings, SystemClock(), CollectorRegistry(), None, None)
app = create_console(resources, None, load_rulebook(), extension=extension)


async def status(path):
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://kurslotse.test") as http:
        return (await http.get(path)).status_code


print(json.dumps({
    "imported": sorted(name for name in sys.modules if name.startswith("services.simulator")),
    "status": [asyncio.run(status(path)) for path in ("/compare", "/waiting")],
    "menu": [address for entries in app.state.web.site.menu.values() for address, _ in entries],
    "kinds": sorted({**KINDS, **extension.kinds}),
}))
"""


def _started(env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", STARTED, json.dumps(env)], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("env", [NOWHERE, NOWHERE | NAMED])
def test_an_installation_holds_no_invented_kreis(env: dict[str, str]) -> None:
    found = _started(env)
    assert found["imported"] == []
    assert found["status"] == [404, 303]
    assert "/policy" in found["menu"]
    assert "/compare" not in found["menu"]
    assert "compare" not in found["kinds"]


def test_a_demo_has_the_page_its_menu_entry_and_its_questions() -> None:
    found = _started(NOWHERE | NAMED | {"KURSLOTSE_DEMO": "1"})
    assert "services.simulator.comparison.page" in found["imported"]
    assert found["status"] == [303, 303]
    at = found["menu"].index("/compare")
    assert found["menu"][at - 1 : at + 2] == ["/needs", "/compare", "/policy"]
    assert "compare" in found["kinds"]


def test_only_a_module_with_an_extension_can_be_named() -> None:
    demo = NOWHERE | {"KURSLOTSE_DEMO": "1"}
    assert extension_of(ServiceSettings.from_env("allocation", demo)) == Extension()
    assert extension_of(ServiceSettings.from_env("allocation", demo | NAMED)) is EXTENSION
    wrong = demo | {"KURSLOTSE_EXTENSION": "services.simulator.comparison.page"}
    with pytest.raises(SettingsError, match="KURSLOTSE_EXTENSION"):
        extension_of(ServiceSettings.from_env("allocation", wrong))
