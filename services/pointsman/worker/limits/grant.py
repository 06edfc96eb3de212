"""One call's grant from the shared limits: requested, perhaps queued, then granted or refused."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["asked", "queued", "granted", "refused", "dropped"]


@dataclass(eq=False, slots=True)
class CallGrant:
    """`use_within_ms`: how long after the grant the call may begin, by the broker's clock.

    `elsewhere`: whether another target can be tried instead.
    """

    call: str
    target: str
    amounts: Mapping[str, int]
    use_within_ms: float
    elsewhere: bool = False
    state: State = "asked"
    granted_at: int = 0
    #: Whether the call has begun.
    begun: bool = False
    #: The budget that refused the call.
    budget: str = ""
    #: Set once the request was read back from the log: it is then granted, queued or refused.
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    #: Set once the wait is over.
    decided: asyncio.Event = field(default_factory=asyncio.Event)

    def become(self, state: State, *, at: int = 0, budget: str = "") -> None:
        """Take over the state that the log gives it."""
        self.state, self.granted_at, self.budget = state, at, budget
        self.answered.set()
        if state != "queued":
            self.decided.set()
