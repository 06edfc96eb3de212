"""The progress bar of `pointsman bench routing`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from pointsman.runtime.terminal import screen


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Yield a function that moves a bar on stderr, if stderr is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with screen.bar("reading", 1.0, *columns) as update:
        yield lambda step, share: update(description=step, completed=share)
