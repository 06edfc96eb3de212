"""Routed jobs of realistic size as records of a tier's topic, and the provider requests that they lead to."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from pointsman.bench.audit_messages import shipped
from pointsman.bench.hop.messages import Body, bodies, job_id
from pointsman.bench.hop.raw import Record
from pointsman.bus.codec.encoded_batch import unpacked
from pointsman.bus.codec.records import Incoming
from pointsman.router.handlers import RouterHandler
from pointsman.runtime.clock import utc_now
from pointsman_schemas.topics import Topics

#: Number of different jobs; after them the texts repeat, under other ids.
_SHAPES = 1_000


@dataclass(frozen=True, slots=True)
class RoutedJobs:
    """Records of routed jobs; the ids in `shapes` are replaced by those of the requested jobs."""

    shapes: tuple[Record, ...]

    def records(self, count: int, first: int = 0) -> Iterator[Record]:
        """Yield key, value and headers of `count` jobs, each with its own id."""
        for number in range(first, first + count):
            id = job_id(_SHAPES + number)
            own, value, headers = self.shapes[number % len(self.shapes)]
            assert own is not None
            assert value is not None
            yield id, value.replace(own, id), [(name, id if text == own else text) for name, text in headers]

    @property
    def mean_bytes(self) -> float:
        """Mean size of a record's value in bytes."""
        return sum(len(value or b"") for _, value, _ in self.shapes) / len(self.shapes)

    def requests(self, count: int, model: str) -> list[dict[str, object]]:
        """Return the provider requests of the same jobs."""
        requests = [orjson.loads(value or b"")["job"]["request"] for _, value, _ in self.shapes]
        return [{**requests[number % len(requests)], "model": model} for number in range(count)]


def routed_jobs(tier: str, topics: Topics) -> RoutedJobs:
    """Return jobs with text from the sample jobs, all routed to `tier` by the starter policy."""
    router = RouterHandler(*shipped(), topics, utc_now)
    jobs = [_submitted(number, body, tier, topics) for number, body in enumerate(bodies(_SHAPES))]
    made = list(unpacked(router.handle_records(jobs)))
    assert {record.topic for record in made} == {topics.tier(tier).name}
    return RoutedJobs(tuple((record.key, record.value, record.headers) for record in made))


def _submitted(number: int, body: Body, tier: str, topics: Topics) -> Incoming:
    id = job_id(number)
    job = {**orjson.loads(body.before + id + body.after), "tier": tier, "agent_id": "bench"}
    return Incoming(topics.intake.name, 0, number, 0, id, orjson.dumps(job), ())
