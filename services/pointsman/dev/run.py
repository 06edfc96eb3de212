"""`pointsman dev`: run everything on this machine, send the sample jobs through it, stop on Ctrl-C."""

import contextlib
from collections.abc import Iterator

from pointsman.bus.errors import BusError
from pointsman.dev.errors import DevError
from pointsman.dev.interrupts import Interrupts, answered, undisturbed
from pointsman.dev.options import DevOptions
from pointsman.dev.ports import require_free
from pointsman.dev.servers.stack import Stack
from pointsman.dev.show.narrator import Narrator
from pointsman.store.errors import StoreError

__all__ = ["DevOptions", "run"]


def run(options: DevOptions) -> int:
    """Start everything, show the progress of the sample jobs, wait for Ctrl-C. Returns the exit code."""
    tell = Narrator(json=options.json)
    interrupts = Interrupts()
    try:
        with _servers(options, tell) as stack:
            from pointsman.dev.services.system import (
                with_services,  # its libraries load while the servers start
            )

            return with_services(options, stack, tell, interrupts)
    except (DevError, BusError, StoreError) as error:
        tell.complain(error, "if another version wrote the data, begin anew: pointsman dev --fresh")
        return 1
    except KeyboardInterrupt:
        answered()
        tell.say_over(f"stopped; the data is kept in {options.data} (--fresh begins anew)")
        return 1 if options.once else 0


@contextlib.contextmanager
def _servers(options: DevOptions, tell: Narrator) -> Iterator[Stack]:
    stack = Stack(options.data, options.kafka_port, options.postgres_port, secure=options.secure)
    stack.claim()
    try:
        require_free(options.simulator_port, "the simulated provider", "--simulator-port")
        stack.launch(fresh=options.fresh, say=tell.say)
        yield stack
    finally:
        with undisturbed():
            stack.stop()
