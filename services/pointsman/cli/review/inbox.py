"""`pointsman review inbox`: decide cases on a full screen, by keys."""

import sys
from typing import Annotated

import typer

from pointsman.cli.key_file import read_key
from pointsman.cli.options import BusSettings, By, Key
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen


def inbox(
    *,
    queue: Annotated[str, typer.Option(metavar="QUEUE", help="Only cases of this queue.")] = "",
    by: By = "",
    key: Key = None,
    settings: BusSettings,
) -> None:
    """Decide cases on a full screen: the list, the case beside it, and a key for each choice.

    The list keeps itself up to date. Keys: c claim, a approve, e edit, s send to a tier, r reject, x release,
    q quit. Needs the extra `inbox`.
    """
    from importlib.util import find_spec

    from pointsman.cli.judge import judge

    if find_spec("textual") is None:
        raise CommandError(
            "the inbox needs the package textual", "pip install 'pointsman[inbox]', or: pointsman review next"
        )
    user, signing_key = judge(by), read_key(key)
    if not (screen.on_terminal() and sys.stderr.isatty()):  # the app draws on stderr
        raise CommandError("the inbox needs a terminal", "for programs: pointsman review list --json")

    from pointsman.cli.review.inbox_app import InboxApp
    from pointsman.client.reviews import Reviewer

    InboxApp(
        settings, settings.topics, Reviewer(settings, settings.topics, user, signing_key), user, queue
    ).run()
