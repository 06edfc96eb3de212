"""Logs: one line per event on stderr, as JSON unless stderr is a terminal."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from pointsman.runtime.log_events import Event

#: Reserved names in a line; a field with such a name gets a `_` appended.
OWN = ("at", "level", "logger", "event", "exception")

_bound: ContextVar[Mapping[str, object]] = ContextVar("fields of every event", default=MappingProxyType({}))


class JsonLogFormatter(logging.Formatter):
    """Formats an event as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        fields = getattr(record, "fields", {})
        line.update({f"{name}_" if name in OWN else name: value for name, value in fields.items()})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(f" {name}={value}" for name, value in getattr(record, "fields", {}).items())
        line = f"{at} {record.levelname.lower():7} {record.name}: {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure() -> None:
    """Send all loggers to stderr; Kafka clients and web servers log from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain() if sys.stderr.isatty() else JsonLogFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Disable lookups for attributes that no line contains.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for noisy in ("aiokafka", "faststream", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Add these fields to every event inside the block, and in tasks started inside."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def event(logger: logging.Logger, level: int, name: Event, /, **fields: object) -> None:
    """Log an event with the given fields."""
    logger.log(level, name, extra={"fields": {**_bound.get(), **fields}})


def failure(
    logger: logging.Logger, name: Event, error: BaseException | None = None, /, **fields: object
) -> None:
    """Log an event with the traceback of `error`, by default of the exception being handled."""
    logger.error(name, exc_info=error or True, extra={"fields": {**_bound.get(), **fields}})
