"""A broker and a database for one measurement, in a temporary folder."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pointsman.dev.servers.stack import Stack


@contextmanager
def servers(
    say: Callable[[str], None], jvm_flags: Sequence[str] = (), *, secure: bool = False
) -> Iterator[tuple[Stack, Path]]:
    """Start both servers, yield them with their folder, then remove everything. `jvm_flags` are the broker's.

    `secure`: the broker requires TLS and a login.
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
