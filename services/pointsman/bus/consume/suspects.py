"""The records that a batch lane failed on; kept when the lane is reopened."""

from collections import Counter
from dataclasses import dataclass, field

from pointsman.bus.codec.records import Outgoing

#: So often a record is handled by itself before it is given up; before that it was handled among others.
TRIES = 2


@dataclass(slots=True)
class Suspects:
    """Some record before `until` made its batch fail: records up to there are handled one by one.

    `failed`: by offset, how often a record failed alone. `answers`: by offset, the records to write instead
    of those that a topic refused.
    """

    until: int = 0
    failed: Counter[int] = field(default_factory=Counter)
    answers: dict[int, list[Outgoing]] = field(default_factory=dict)

    def suspect(self, until: int) -> None:
        """A batch that ends before `until` failed, nobody knows by which record."""
        self.until = max(self.until, until)

    def is_given_up(self, offset: int) -> bool:
        """Whether it had its tries."""
        return self.failed[offset] >= TRIES

    def forget(self, committed: int) -> None:
        """What is before that is over."""
        self.failed = Counter({offset: count for offset, count in self.failed.items() if offset >= committed})
        self.answers = {offset: made for offset, made in self.answers.items() if offset >= committed}
