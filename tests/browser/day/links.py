"""Reads the links of the first administrators, as `kurslotse up` prints them."""

import re
from collections.abc import Mapping

from services.embedded.machine.home import Home
from tests.browser.kreis import wait_for

_LINK = re.compile(r"http://localhost:\d+/invitation/[\w-]{43}")


def printed_links(home: Home) -> Mapping[str, str]:
    """Return the links by side: steering, support."""

    def printed() -> list[str]:
        found = _LINK.findall((home.root / "launched.log").read_text(encoding="utf-8"))
        return found if len(found) == 2 else []

    steering, support = wait_for(printed, "two links")
    return {"steering": steering, "support": support}
