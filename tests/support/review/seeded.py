"""Cases in a queue with test cases, and a review that records its changes."""

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from pointsman.bus.codec.records import Outgoing
from pointsman.review.case import WAITING
from pointsman.review.seeded import is_seeded
from pointsman_schemas.ids import uuid7
from pointsman_schemas.reviews import ReviewChanged, ReviewRequested
from tests.support.review.cases import NOW, claim, decide, later, request
from tests.support.review.driven import Driven

LONG = "The clause is acceptable, as the law says the same where it is silent: {}."


def asked(number: int, id: UUID | None = None, text: str = LONG, **queue: Any) -> ReviewRequested:
    """A case with its own question and answer, in a queue with a test after about every second decision."""
    made = request(number, **{"seeded_every": 2, **queue})
    body = json.loads(ReviewRequested.__pydantic_serializer__.to_json(made))
    id = id or uuid7(later(number), sha256(str(number).encode()).digest()[:10])
    body["job"] |= {"job_id": str(id)}
    body["job"]["request"]["messages"][-1]["content"] = f"Question {number}?"
    body["proposed"]["job_id"] = str(id)
    body["proposed"]["response"]["choices"][0]["message"]["content"] = text.format(number)
    return ReviewRequested.model_validate(body)


def answer_of(requested: ReviewRequested) -> str:
    assert requested.proposed is not None
    return str(requested.proposed.response["choices"][0]["message"]["content"])


class Reviews(Driven):
    """Records each case's state, and the bytes of each change."""

    def __init__(self, start: datetime = NOW) -> None:
        super().__init__()
        self.start = start
        self.changes: list[Outgoing] = []
        self.on_change = self.changes.append

    @property
    def cases(self) -> dict[UUID, ReviewChanged]:
        states = [value for key, value in self.state.items() if key.startswith(b"case/")]
        cases = [ReviewChanged.model_validate_json(value) for value in states]
        return {case.job_id: case for case in cases}

    def decided(
        self, requested: ReviewRequested, choice: str = "approve", by: str = "ana", **more: Any
    ) -> Any:
        """Claims and decides it. Returns the results."""
        assert self.answer(claim(requested, by), self.start + timedelta(seconds=2000)).refused is None
        return self.put(decide(requested, choice, by, **more), self.start + timedelta(seconds=2001))

    def tests(self) -> list[ReviewRequested]:
        """The waiting test cases."""
        waiting = [case for case in self.cases.values() if case.status in WAITING and is_seeded(case)]
        return [
            ReviewRequested.model_validate_json(self.state[b"request/" + str(case.job_id).encode()])
            for case in waiting
        ]


def with_test(start: datetime = NOW, **more: Any) -> tuple[Reviews, list[ReviewRequested], ReviewRequested]:
    """Cases of which one was approved, and the test case that followed."""
    reviews = Reviews(start)
    requests = [asked(number, **more) for number in range(12)]
    for requested in requests:
        reviews.put(requested, start)
    for place, requested in enumerate(requests):
        reviews.decided(requested)
        if more.get("people") == 2:
            reviews.put(claim(requested, "ben", 3))
            reviews.put(decide(requested, "approve", "ben", 4))
        for test in reviews.tests():
            return reviews, requests[place:], test
    raise AssertionError("no test after 12 decisions, each of them with a chance of one in two")
