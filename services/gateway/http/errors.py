"""Defines how a route rejects a request as a whole."""

from schemas.envelope import Problem


class RequestRejectedError(Exception):
    """The request as a whole is rejected with this status and these problems."""

    def __init__(
        self,
        status: int,
        problem: Problem,
        *,
        retry_after: int | None = None,
        further: tuple[Problem, ...] = (),
    ) -> None:
        super().__init__(problem.code)
        self.status, self.retry_after = status, retry_after
        self.problems = (problem, *further)
