"""Before a service starts: waits until Kafka answers, and checks that the topics it needs exist."""

import asyncio
import logging
import time
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from pointsman.bus import connection
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.settings import LanePart
from pointsman.bus.tcp_check import ask_servers
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

#: How long a service waits for Kafka, in seconds.
PATIENCE_S = 60.0
_PAUSE_S = 0.25
#: Time limit for one attempt, in seconds.
_ASK_S = 5.0


class BusNotReadyError(Exception):
    """Kafka does not answer, or topics are missing; the text says what to do."""


async def await_bus(settings: LanePart, topics: Sequence[str], patience_s: float = PATIENCE_S) -> None:
    """Return when Kafka answers and has `topics`.

    Raises:
        BusNotReadyError: that is not so within `patience_s` seconds.
    """
    give_up = time.monotonic() + patience_s
    reported = None
    while True:
        try:
            await ask_servers(settings, _ASK_S)
            missing = await _missing(settings, topics)
        except KafkaUnavailableError as error:
            problem = error.line
        except (KafkaError, OSError) as error:
            problem = f"Kafka at {settings.kafka} gives no answer ({error!r}): `pointsman doctor`"
        else:
            if not missing:
                return
            problem = f"topics are missing ({', '.join(missing)}): run `pointsman topics apply`"
            if settings.logs_in:
                problem += ", or this login may not see them: `pointsman access check`"
        if time.monotonic() >= give_up:
            raise BusNotReadyError(problem)
        if problem != reported:
            event(log, logging.WARNING, Event.KAFKA_UNAVAILABLE, problem=problem)
        reported = problem
        await asyncio.sleep(_PAUSE_S)


async def _missing(settings: LanePart, topics: Sequence[str]) -> list[str]:
    async with connection.connected_admin(settings, _ASK_S) as admin:
        existing = set(await admin.list_topics())
    return [topic for topic in topics if topic not in existing]
