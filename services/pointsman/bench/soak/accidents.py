"""What is done to which process, and when: drawn from a seed, so that a bad hour can be had again."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class AccidentKind(StrEnum):
    """What may happen to a process."""

    KILL = "kill"  # SIGKILL, and started again a moment later
    FREEZE = "freeze"  # SIGSTOP until its group has given its work to others, then SIGCONT


#: Broker and database; they are killed only, and come back with their data.
SERVERS = ("Kafka", "Postgres")
#: A server takes everybody down with it: so many accidents of processes come for one of them.
_RARER = 8


@dataclass(frozen=True, slots=True)
class Accident:
    """`after_s` seconds after the one before it began; `lasts_s` until the process runs again."""

    after_s: float
    name: str
    kind: AccidentKind
    lasts_s: float


def outages(seed: int, every_s: float) -> Iterator[Accident]:
    """Without end, each kills one of the servers; drawn apart from what happens to processes."""
    chance = random.Random(f"{seed} servers")
    while True:
        after = chance.expovariate(1 / (every_s * _RARER))
        yield Accident(after, chance.choice(SERVERS), AccidentKind.KILL, chance.uniform(0, 2))


def accidents(seed: int, names: Sequence[str], every_s: float, session_s: float) -> Iterator[Accident]:
    """Without end, one every `every_s` seconds on average; a freeze lasts longer than `session_s`."""
    chance = random.Random(seed)
    while True:
        after = chance.expovariate(1 / every_s)
        name = chance.choice(names)
        kind = chance.choice(list(AccidentKind))
        lasts = chance.uniform(0, 2) if kind is AccidentKind.KILL else session_s + chance.uniform(1, 6)
        yield Accident(after, name, kind, lasts)
