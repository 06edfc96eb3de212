"""The current cases, and the answers to commands sent by this process.

Invariants:
- Topics are read only after the first request: most gateways have no reviewers.
- A command is sent only once the topic of its answer is being read.
- After a command was reported as carried out, its change is visible.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import UUID

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.errors import PublishUncertainError
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.commands import TopicListener
from pointsman.bus.settings import LanePart
from pointsman.client.reviews import KnownCases
from pointsman.gateway.errors import ApiError, too_many, unavailable
from pointsman_schemas.reviews import ReviewAnswered
from pointsman_schemas.topics import Topics

#: Time limits for reading the topics and for the review service's answer, in seconds.
_OPEN_S, _ANSWER_S = 20.0, 15.0
#: Time limit for seeing the change that an answer reports, in seconds.
_CHANGE_S = 2.0
#: The most commands without an answer, of all reviewers together.
_MOST_UNDER_WAY = 1_000


class ReviewBoard:
    """The process's view of cases; use it inside `running`."""

    def __init__(self, settings: LanePart, topics: Topics, publisher: Publisher) -> None:
        self._state = TopicListener(settings, [topics.reviews_state], self._change)
        self._answers = TopicListener(settings, [topics.reviews_answers], self._answer, start="end")
        self._publisher = publisher
        self._cases = KnownCases()
        self._waiting: dict[UUID, deque[asyncio.Future[ReviewAnswered]]] = {}
        self._under_way = 0
        self._reading = AsyncExitStack()
        self._is_reading = False
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Stop reading on exit."""
        async with self._reading:
            yield

    async def cases(self) -> KnownCases:
        """Return the current cases.

        Raises:
            ApiError: the topics cannot be read.
        """
        if not self._is_reading:
            self._is_reading = True
            for topic in (self._state, self._answers):
                await self._reading.enter_async_context(topic.running())
        try:
            async with asyncio.timeout(_OPEN_S):
                await self._state.caught_up.wait()
                await self._answers.caught_up.wait()
        except TimeoutError:
            raise unavailable("the cases cannot be read at the moment") from None
        return self._cases

    async def send(self, record: Outgoing, command: UUID) -> ReviewAnswered:
        """Send a command and return the review service's answer. Call `cases` first.

        Raises:
            ApiError: there is no answer in time, so it is unknown whether the command was carried out; or too
                many commands wait already.
            BusError: the command was not sent.
        """
        if self._under_way >= _MOST_UNDER_WAY:
            raise too_many(f"{self._under_way:,} commands wait for their answer")
        answer: asyncio.Future[ReviewAnswered] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(command, deque())
        waiting.append(answer)
        self._under_way += 1
        try:
            async with asyncio.timeout(_ANSWER_S):
                with suppress(PublishUncertainError):  # it may have been written: then an answer comes
                    await self._publisher.publish([record])
                answered = await answer
        except TimeoutError:
            message = f"the review service did not answer within {_ANSWER_S:g} s"
            message += "; whether it was carried out says the case"
            headers = {"x-should-retry": "false"}
            raise ApiError(504, "timeout_error", "no_answer", message, headers=headers) from None
        finally:
            self._under_way -= 1
            with suppress(ValueError):
                waiting.remove(answer)
            if not waiting:
                self._waiting.pop(command, None)
        if answered.refused is None:
            await self._until(answered)
        return answered

    async def _until(self, answered: ReviewAnswered) -> None:
        """Return when the change that an answer reports is visible, or after a time limit."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CHANGE_S):
                while True:
                    changed = self._changed
                    case = self._cases.case(answered.job_id)
                    if case is not None and case.revision >= answered.revision:
                        return
                    await changed.wait()

    def _change(self, record: Incoming) -> None:
        self._cases.take(record)
        self._changed.set()
        self._changed = asyncio.Event()

    def _answer(self, record: Incoming) -> None:
        """Give the answer to the first waiting sender of this command id: both are in order."""
        decoded = decode(record)
        if not isinstance(decoded, Decoded) or not isinstance(decoded.message, ReviewAnswered):
            return
        causation_id = decoded.envelope.causation_id
        waiting = None if causation_id is None else self._waiting.get(causation_id)
        if waiting:
            answer = waiting.popleft()
            if not answer.done():
                answer.set_result(decoded.message)
