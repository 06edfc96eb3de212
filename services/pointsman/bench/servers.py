"""A broker and a database of a measurement's own, in a folder that is deleted afterwards."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pointsman.dev.servers.stack import Stack


@contextmanager
def servers(
    say: Callable[[str], None], jvm_flags: Sequence[str] = (), *, secure: bool = False
) -> Iterator[tuple[Stack, Path]]:
    """Started, handed over with their folder, taken away again. `jvm_flags`: of the broker.

    `secure`: nobody gets into the broker without TLS and a login.
    """
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as name:
        folder = Path(name)
        stack = Stack(folder, secure=secure, jvm_flags=jvm_flags)
        stack.start(say=say)
        try:
            yield stack, folder
        finally:
            stack.stop()
            stack.postgres.remove()
