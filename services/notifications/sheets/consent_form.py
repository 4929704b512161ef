"""Writes the consent form: one page in one language, explained in class and signed there."""

from dataclasses import dataclass

from schemas.codes import ConsentPurpose
from services.notifications.sheets.document import Blanks, Block, Choices, Heading, Paragraph, Points, Sheet
from services.notifications.sheets.languages import GERMAN, SheetTexts, texts_of
from services.runtime.web.languages import msgid

MONTHS = 12
"""How long the form says that a consent holds; a policy that keeps it longer is refused by a test."""

PURPOSES = {
    ConsentPurpose.ENROLMENT_NOTICE: msgid(
        "The counselling office may know that my course begins. It gets my name, my telephone number, my "
        "e-mail address and my language."
    ),
    ConsentPurpose.DROPOUT_SUPPORT: msgid(
        "The school may report when I was in the course and when I was absent. If the course becomes "
        "difficult for me, the counselling office may know it and offer me help."
    ),
    ConsentPurpose.AFTER_COURSE: msgid(
        "The counselling office may know when my course is over and what is still missing. It may offer me "
        "help with the next step."
    ),
}
"""What a person ticks, by purpose, in the order of the form."""


@dataclass(frozen=True, slots=True)
class FormFacts:
    """What is printed on the form already; the rest is written by hand."""

    office: str = ""
    course: str = ""
    school: str = ""


def consent_form(code: str, version: str, facts: FormFacts = FormFacts()) -> Sheet:
    """Write the form in a language; every line to tick has its German beside it."""
    texts = texts_of(code)
    title = _title(texts)
    german = texts_of(GERMAN)
    say = texts.say
    blocks: tuple[Block, ...] = (
        Paragraph(
            say(
                "A counselling office can help you: with the course, children, work, official papers and "
                "health. It costs nothing. The counselling office hears of you only if you allow it."
            )
        ),
        Blanks(((say("Which counselling office?"), texts.apart(facts.office)),)),
        Heading(say("What do you allow? Please tick.")),
        Choices(tuple((say(text), german.say(text) if code != GERMAN else "") for text in PURPOSES.values())),
        Heading(say("You decide")),
        Points(
            (
                say(
                    "You do not have to tick anything. You keep your place in the course and your benefits "
                    "in any case."
                ),
                say(
                    "You can take your consent back at any time, all of it or a part, without giving a "
                    "reason. Tell the office that registered you for the course, or the counselling office. "
                    "One sentence is enough. Then what was stored because of your consent is erased."
                ),
                say("Your consent holds for 12 months at most."),
                say(
                    "What you talk about with the counselling office stays there. Authorities do not hear of "
                    "it."
                ),
                say(
                    "You can ask what is stored about you, and have it corrected or erased. You can also "
                    "complain to the data protection authority."
                ),
            )
        ),
        Heading(say("Your consent")),
        Blanks(
            (
                (say("Name"), ""),
                (say("Course"), texts.apart(facts.course)),
                (say("School"), texts.apart(facts.school)),
                (say("Place and date"), ""),
                (say("Signature"), ""),
            )
        ),
    )
    return Sheet(
        code=code,
        right_to_left=texts.language.right_to_left,
        title=title,
        german_title="" if code == GERMAN else _title(german),
        blocks=blocks,
        footer=say("Version of this form: %(form)s", form=f"{version} · {code}"),
    )


def _title(texts: SheetTexts) -> str:
    return texts.say("Help before, during and after your language course")
