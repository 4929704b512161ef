"""Records and announces the totals of a course that has ended."""

from schemas.placements import CourseOutcomeReported
from schemas.providers import CourseCompleted
from services.allocation.courses.domain import Course
from services.allocation.outcomes.domain import CourseOutcome, again
from services.allocation.placements.messages import outgoing
from services.allocation.unit_of_work import UnitOfWork
from services.runtime.events.subscription import Incoming


def report(work: UnitOfWork, incoming: Incoming, course: Course, said: CourseCompleted, started: int) -> None:
    """Keep the totals of a course and tell its provider, and nobody else, what was kept."""
    fresh = CourseOutcome(
        course=course.course,
        kreis=course.kreis,
        completed_on=said.completed_on,
        started=max(started, said.finished),
        finished=said.finished,
        sat=said.sat,
        b1=said.b1,
        a2=said.a2,
        below=said.below,
        lid=said.lid,
        qualified=said.both,
    )
    known = work.outcomes.get(course.course)
    outcome = fresh if known is None else again(known, fresh)
    work.put_outcome(outcome)
    payload = CourseOutcomeReported(
        course=course.course,
        provider=course.provider,
        kreis=course.kreis,
        completed_on=outcome.completed_on,
        started=outcome.started,
        finished=outcome.finished,
        qualified=outcome.qualified,
    )
    work.tell(
        outgoing(
            work.prefix,
            payload,
            course.course,
            str(outcome.version),
            work.now,
            (course.provider,),
            str(incoming.cause),
            incoming.event.correlationid,
        )
    )
