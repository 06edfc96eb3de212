"""The records that a batch lane failed on; kept when the lane is reopened."""

from collections import Counter
from dataclasses import dataclass, field

from pointsman.bus.codec.records import Outgoing

#: How often a record is tried alone, after its batch failed, before it is given up.
TRIES = 2


@dataclass(slots=True)
class Suspects:
    """A record before `until` made its batch fail, so records up to there are handled one by one.

    `failed`: by offset, how often a record failed alone. `answers`: by offset, the records to write instead
    of those that a topic refused.
    """

    until: int = 0
    failed: Counter[int] = field(default_factory=Counter)
    answers: dict[int, list[Outgoing]] = field(default_factory=dict)

    def suspect(self, until: int) -> None:
        """Note that a batch that ends before `until` failed; which record caused it is unknown."""
        self.until = max(self.until, until)

    def is_given_up(self, offset: int) -> bool:
        """Whether the record at `offset` has used up its attempts."""
        return self.failed[offset] >= TRIES

    def forget(self, committed: int) -> None:
        """Forget offsets before `committed`."""
        self.failed = Counter({offset: count for offset, count in self.failed.items() if offset >= committed})
        self.answers = {offset: output for offset, output in self.answers.items() if offset >= committed}
