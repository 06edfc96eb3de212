"""Builds the audit service: reads every topic and writes to Postgres."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from logging import WARNING, getLogger

from pointsman.audit.checkpointer import Checkpointer
from pointsman.audit.handlers import Sink
from pointsman.audit.heads import open_heads
from pointsman.audit.privacy_file import PrivacyFile, load
from pointsman.audit.private import Privacy
from pointsman.audit.settings import AuditSettings
from pointsman.bus.consume.reader import Reader
from pointsman.bus.host import Service
from pointsman.identity.keys import PrivateKey
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.connect import Pool, open_pool

log = getLogger(__name__)


class PrivacyKeyMissingError(ValueError):
    """A privacy file is set, but its key is not."""


def privacy_of(settings: AuditSettings) -> Privacy | None:
    """Return the rules for masking and sealing; None without a key, and then everything is stored as it is.

    Raises:
        PrivacyKeyMissingError, KeyUnreadableError, FileError, OSError: the key is missing or unreadable.
    """
    master = settings.master_key
    if master is None:
        if settings.privacy is not None:
            raise PrivacyKeyMissingError(
                f"{settings.privacy} needs a key: `pointsman audit privacy key FILE` makes one, "
                "POINTSMAN_AUDIT_PRIVACY_KEY_FILE names it"
            )
        return None
    file = PrivacyFile() if settings.privacy is None else load(settings.privacy)
    return Privacy(file, master, settings.topics)


class Audit:
    """The audit service. Its reader exists while the connection pool is open."""

    def __init__(self, settings: AuditSettings, clock: Clock, privacy: Privacy | None) -> None:
        self._settings = settings
        self._privacy = privacy
        self._clock = clock
        self._reader: Reader | None = None
        self._checkpointer: Checkpointer | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open a pool that connects on demand, as Postgres may start later than this service."""
        settings = self._settings
        pool = await open_pool(settings.writer_dsn, application="pointsman-audit")
        try:
            writer = AuditWriter(pool, clock=self._clock, patience_s=settings.audit_patience_s)
            sink = Sink(writer, settings.topics, self._clock, self._privacy)
            topics = settings.topics
            self._reader = Reader(
                settings,
                f"{settings.prefix}.audit",
                topics.pattern,
                sink,
                read_by={topics.intake.name: f"{settings.prefix}.router"},
            )
            self._checkpointer = self._signs(writer, pool)
            yield
        finally:
            await pool.close()

    def _signs(self, writer: AuditWriter, pool: Pool) -> Checkpointer | None:
        """Raises KeyUnreadableError, OSError or HeadsError."""
        settings = self._settings
        text = settings.audit_key or (settings.audit_key_file and settings.audit_key_file.read_text())
        if not text:
            event(log, WARNING, Event.AUDIT_KEY_MISSING)
            return None
        return Checkpointer(
            writer,
            pool,
            PrivateKey.parse(text),
            settings,
            self._clock,
            heads=open_heads(settings.audit_heads),
        )

    async def run(self) -> None:
        """Store every record and sign checkpoints until stopped."""
        assert self._reader is not None, "open() comes first"
        if self._checkpointer is None:
            await self._reader.run()
            return
        async with asyncio.TaskGroup() as tasks:  # the service ends if either of them fails
            checkpoints = tasks.create_task(self._checkpointer.run(), name="checkpoints")
            await self._reader.run()
            checkpoints.cancel()
        await self._checkpointer.make()

    def stop(self) -> None:
        """Store the records that were read, then end."""
        if self._reader is not None:
            self._reader.stop()

    def not_ready(self) -> str | None:
        """Return the reason why the service is not ready, if any."""
        if self._reader is not None and self._reader.changed:
            changed = ", ".join(sorted(self._reader.changed))
            return (
                f"not the topics that were read before, `pointsman audit adopt` begins a chapter: {changed}"
            )
        ready = self._reader is not None and self._reader.ready
        return None if ready else "no lanes yet, or Postgres cannot be reached"


def build(settings: AuditSettings, *, clock: Clock = utc_now) -> Service:
    audit = Audit(settings, clock, privacy_of(settings))
    topics = settings.topics
    return Service(
        name="audit",
        settings=settings,
        topics=[topics.intake.name, topics.results.name, topics.dead.name],
        run=audit.run,
        stop=audit.stop,
        not_ready=audit.not_ready,
        resources=audit.open,
    )
