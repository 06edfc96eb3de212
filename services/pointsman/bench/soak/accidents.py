"""Which accident hits which process, and when. Drawn from a seed, so that a run can be repeated."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class AccidentKind(StrEnum):
    """The kinds of accident."""

    KILL = "kill"  # SIGKILL, then started again after a moment
    FREEZE = "freeze"  # SIGSTOP until its consumer group has reassigned its partitions, then SIGCONT


#: Broker and database. They are killed, never frozen, and restart with their data.
SERVERS = ("Kafka", "Postgres")
#: How many accidents of processes there are per server outage, as an outage affects every process.
_RARER = 8


@dataclass(frozen=True, slots=True)
class Accident:
    """An accident `after_s` seconds after the previous one began; the process runs again after `lasts_s`."""

    after_s: float
    name: str
    kind: AccidentKind
    lasts_s: float


def outages(seed: int, every_s: float) -> Iterator[Accident]:
    """Yield kills of a server, without end. They do not depend on the accidents of processes."""
    chance = random.Random(f"{seed} servers")
    while True:
        after = chance.expovariate(1 / (every_s * _RARER))
        yield Accident(after, chance.choice(SERVERS), AccidentKind.KILL, chance.uniform(0, 2))


def accidents(seed: int, names: Sequence[str], every_s: float, session_s: float) -> Iterator[Accident]:
    """Yield accidents without end, on average one per `every_s`. A freeze lasts longer than `session_s`."""
    chance = random.Random(seed)
    while True:
        after = chance.expovariate(1 / every_s)
        name = chance.choice(names)
        kind = chance.choice(list(AccidentKind))
        lasts = chance.uniform(0, 2) if kind is AccidentKind.KILL else session_s + chance.uniform(1, 6)
        yield Accident(after, name, kind, lasts)
