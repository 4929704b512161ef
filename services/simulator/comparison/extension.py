"""Adds the comparison to the steering side of a demo; named by `KURSLOTSE_EXTENSION`."""

from pathlib import Path
from typing import Final

from services.allocation.extension import Extension
from services.allocation.steering.questions.worker import Kind
from services.runtime.web.languages import msgid
from services.simulator.comparison import api, page, question

HERE: Final = Path(__file__).resolve().parent
EXTENSION: Final = Extension(
    routers=(page.router, api.router),
    templates=(HERE / "templates",),
    locales=(HERE / "locale",),
    menu=(("/compare", msgid("Comparison")),),
    kinds={"compare": Kind(question.answer, limit_seconds=question.LIMIT_SECONDS)},
)
