"""Values of the database as JSON has them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID


def plain(value: Any) -> Any:
    """Times in RFC 3339, spans in seconds, amounts as numbers, bytes as text."""
    match value:
        case datetime():
            return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return float(value) if value.is_finite() else str(value)
        case UUID():
            return str(value)
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case list():
            return [plain(each) for each in value]
        case dict():
            return {name: plain(each) for name, each in value.items()}
        case float() if not isfinite(value):
            return str(Decimal(value))
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
