"""Every record of every topic into the audit table."""

from collections.abc import Iterator, Mapping, Sequence

from pointsman.audit.private import Privacy
from pointsman.audit.rows import row_of
from pointsman.bus.decode import broker_time
from pointsman.bus.places import Place
from pointsman.bus.reader import MovedError, UnavailableError
from pointsman.bus.records import Incoming
from pointsman.runtime.clock import Clock
from pointsman.runtime.metrics import AUDIT_DELAY, AUDITED, AUDITED_BYTES
from pointsman.store.audit_writer import AuditWriter, Move
from pointsman.store.errors import LaneMovedError, StoreError, StoreUnavailableError
from pointsman.store.keyring import Sealing
from pointsman.store.row import Row
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics

#: Anyone may write any timestamp, and one from the year 1 would drown the sum of all delays.
_LONGEST_DELAY_S = 30 * 24 * 3600.0
_BROKE = f"{Reason.TOO_LARGE}: the connection to Postgres ended each time that it was to be stored"


class Rows:
    """The rows of a batch, each made when it is asked for."""

    def __init__(
        self,
        batches: Mapping[Place, Sequence[Incoming]],
        topics: Topics,
        privacy: Privacy | None = None,
        *,
        bare: bool = False,
    ) -> None:
        self._batches = batches
        self._bare = bare
        self._topics = topics
        self._privacy = privacy
        #: The keys of what is sealed; None where nothing is.
        self.sealing = None if privacy is None else Sealing(privacy.keyring)

    def __iter__(self) -> Iterator[Row]:
        return (row.without_value(_BROKE) for row in self._rows()) if self._bare else self._rows()

    def _rows(self) -> Iterator[Row]:
        if self._privacy is None or self.sealing is None:
            for records in self._batches.values():
                for record in records:
                    yield row_of(record, self._topics)
            return
        self.sealing.begin()
        for records in self._batches.values():
            for record in records:
                yield self._privacy.row(record, self.sealing)


class Sink:
    """The bus reader's store: batches become rows, written together with the lanes' positions.

    Whatever Postgres lacks (a connection, a migration, a permission) is waited for: records stay in Kafka.
    """

    def __init__(
        self, writer: AuditWriter, topics: Topics, clock: Clock, privacy: Privacy | None = None
    ) -> None:
        self._writer = writer
        self._privacy = privacy
        self._topics = topics
        self._clock = clock

    async def positions(self, places: Sequence[Place]) -> dict[Place, int]:
        """The next offset of each place that has one.

        Raises:
            UnavailableError: ask again.
        """
        try:
            return await self._writer.positions(places)
        except StoreError as error:
            raise UnavailableError(str(error)) from error

    async def append(
        self,
        batches: Mapping[Place, Sequence[Incoming]],
        expected: Mapping[Place, int | None],
        *,
        bare: bool = False,
    ) -> None:
        """Store every record of `batches` and move each place behind its last record.

        `bare`: of each its place and digest alone.

        Raises:
            MovedError: a place is not at `expected`; nothing was stored.
            UnavailableError: try again with the same arguments.
        """
        days = {broker_time(record).date() for records in batches.values() for record in records}
        moves = {place: Move(expected[place], records[-1].offset + 1) for place, records in batches.items()}
        try:
            rows = Rows(batches, self._topics, self._privacy, bare=bare)
            await self._writer.append(rows, moves, days=days, sealing=rows.sealing)
        except LaneMovedError as error:
            raise MovedError(str(error)) from error
        except StoreUnavailableError as error:
            raise UnavailableError(str(error), broke=error.broke) from error
        except StoreError as error:
            raise UnavailableError(str(error)) from error
        self._count(batches)

    def _count(self, batches: Mapping[Place, Sequence[Incoming]]) -> None:
        now = self._clock().timestamp()
        for (topic, _), records in batches.items():
            AUDITED.labels(topic).inc(len(records))
            AUDITED_BYTES.labels(topic).inc(sum(len(record.value or b"") for record in records))
            for record in records:
                AUDIT_DELAY.observe(min(max(0.0, now - record.timestamp_ms / 1000), _LONGEST_DELAY_S))
