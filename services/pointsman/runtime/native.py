"""The compiled library `pointsman_native`, if it is installed."""

import logging
from functools import cache
from typing import Any

from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

#: The version of `pointsman_native` that this code needs.
VERSION = 8


@cache
def library() -> Any:
    """Return the module `pointsman_native`; None if it is not installed or has another version."""
    try:
        import pointsman_native
    except ImportError:
        return None
    if pointsman_native.VERSION != VERSION:
        event(
            log,
            logging.WARNING,
            Event.NATIVE_MISMATCH,
            version=pointsman_native.VERSION,
            needed=VERSION,
        )
        return None
    return pointsman_native
