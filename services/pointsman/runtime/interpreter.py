"""Settings of the interpreter for a service: long-running, with many short-lived objects."""

import gc
import sys

#: Allocations before a collection of the youngest generation. A single poll exceeds the default of 700.
_YOUNG = 20_000
#: How long a thread waits for the interpreter lock, in seconds. With the default of 5 ms, a batch that was
#: compressed in another thread waits longer to be sent than its compression took.
_SWITCH_S = 0.0005


def tune() -> None:
    """Apply the settings. Call it once, after all imports: existing objects are never collected."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
    sys.setswitchinterval(_SWITCH_S)
