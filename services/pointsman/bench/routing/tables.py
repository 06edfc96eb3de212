"""The progress bar of `pointsman bench routing`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Yield a function that moves a bar on stderr, if stderr is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task: TaskID = bar.add_task("reading", total=1.0)

        def report_progress(step: str, share: float) -> None:
            bar.update(task, description=step, completed=share)

        yield report_progress
