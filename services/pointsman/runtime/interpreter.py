"""How the interpreter is set for a service, which runs for long and makes many objects that die soon."""

import ctypes
import gc
import sys

#: Objects made before the youngest are looked at; the interpreter's own 700 are one poll's records.
_YOUNG = 20_000
#: How long a thread that wants to go on waits for another, seconds. By the interpreter's own 5 ms a batch
#: that was compressed beside the event loop waits longer to be sent than that took.
_SWITCH_S = 0.0005
#: glibc's: how much it keeps at the end of its heap, how large a block gets pages of its own, how many heaps
#: there are. Left alone, a large block that is freed raises the first two to its size, and each thread that
#: compresses has a heap.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 1024 * 1024


def tune() -> None:
    """Call it once, when everything is loaded: what is there by then is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
    sys.setswitchinterval(_SWITCH_S)
    _keep_no_memory()


def _keep_no_memory() -> None:
    """What is freed goes back to the system, and does not stay with the process: where this is glibc."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        return
    for name, value in ((_TRIM_THRESHOLD, _LARGE), (_MMAP_THRESHOLD, _LARGE), (_ARENA_MAX, 1)):
        libc.mallopt(name, value)
    libc.malloc_trim(0)
