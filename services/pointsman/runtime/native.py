"""The compiled library, where it is installed."""

import logging
from functools import cache
from typing import Any

from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

#: What `pointsman_native` must say it is.
VERSION = 8


@cache
def library() -> Any:
    """The module `pointsman_native`; None where it is not installed, or not in this version."""
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
