"""How much of the brokers an agent may have, so that none is in the others' way; pure.

A broker delays whoever takes more: nothing is lost, and nobody else waits.
"""

from collections.abc import Mapping

#: Names as Kafka has them: bytes a second, and per cent of one of a broker's threads.
PRODUCED, CONSUMED, REQUESTS = "producer_byte_rate", "consumer_byte_rate", "request_percentage"

_KIB = 1024
#: An agent without a rate of its own.
_PRODUCED = 2 * 1024 * _KIB
_CONSUMED = 8 * 1024 * _KIB
_REQUESTS = 25
#: One with a rate: so many bytes for a job, and no less than this.
_PER_JOB = 64 * _KIB
_LEAST = 64 * _KIB
_PER_CHAR = 4


def quotas(jobs_per_minute: int | None, max_chars: int | None) -> Mapping[str, float]:
    """Of one agent, from what its entry allows; jobs above that rate are the router's to refuse."""
    produced = _PRODUCED
    if jobs_per_minute is not None:
        per_job = _PER_JOB if max_chars is None else max_chars * _PER_CHAR + 4 * _KIB
        produced = min(_PRODUCED, max(_LEAST, jobs_per_minute * per_job // 60))
    return {PRODUCED: float(produced), CONSUMED: float(_CONSUMED), REQUESTS: float(_REQUESTS)}
