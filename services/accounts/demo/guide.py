"""Names the six stops at which a visitor of the demo sees in two minutes what Kurslotse is for."""

from dataclasses import dataclass
from typing import Final

from services.runtime.web.languages import msgid


@dataclass(frozen=True, slots=True)
class Stop:
    """One page of the demo, opened as one invented person."""

    service: str
    person: str
    address: str
    title: str
    """A msgid, as is `see`: what to look at for twenty seconds."""
    see: str


STOPS: Final = (
    Stop(
        "allocation",
        "jana-vogt",
        "/",
        msgid("Monday morning of a coordinator"),
        msgid(
            "Who waits, which deadlines run out, what is to be decided. There are no names: she needs none."
        ),
    ),
    Stop(
        "allocation",
        "jana-vogt",
        "/proposals",
        msgid("A proposal and its reasons"),
        msgid("Open one: why this seat, and why not another. Nothing goes out before she confirms it."),
    ),
    Stop(
        "allocation",
        "jana-vogt",
        "/pooling",
        msgid("Two courses that are too small alone"),
        msgid("Pooled, one of them begins. It says who changes over, and how much longer their way is."),
    ),
    Stop(
        "allocation",
        "peter-lindner",
        "/policy",
        msgid("What the Kreis has decided"),
        msgid("What counts, in plain words. Two people adopt a change, and see before whom it helps."),
    ),
    Stop(
        "notifications",
        "ole-brandt",
        "/desk",
        msgid("The registering office hands over an offer"),
        msgid("Here are names, and only those of its own people. The sheet to hand over can be printed."),
    ),
    Stop(
        "notifications",
        "sara-demir",
        "/inbox",
        msgid("Somebody is about to drop out"),
        msgid(
            "The counselling office hears of it, because the person has agreed. The coordination never does."
        ),
    ),
)
