"""Interpreter settings for a service: long-running, with many short-lived objects."""

import gc
import sys

#: Objects made before the youngest are looked at; the interpreter's own 700 are one poll's records.
_YOUNG = 20_000
#: How long a thread that wants to go on waits for another, seconds. By the interpreter's own 5 ms a batch
#: that was compressed beside the event loop waits longer to be sent than that took.
_SWITCH_S = 0.0005


def tune() -> None:
    """Call it once, when everything is loaded: what is there by then is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
    sys.setswitchinterval(_SWITCH_S)
