"""Where Kafka and Postgres are: flags, else the environment, else what `pointsman dev` left."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from pointsman.cli.errors import CommandError
from pointsman.runtime.settings import KafkaPart, Part
from pointsman.store.settings import PostgresPart

S = TypeVar("S", bound=Part)

#: KEY=VALUE lines that `pointsman dev` leaves in the folder it was started in.
LEFT_BY_DEV = Path(".pointsman/settings.env")


class CliSettings(KafkaPart, PostgresPart):
    """What the commands need that only look or send."""


def load(settings: type[S], **flags: Any) -> S:
    """Build `settings`; a flag that is None was not given.

    Raises:
        CommandError: a value that cannot be used, with the name of the variable.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return settings(_env_file=LEFT_BY_DEV if LEFT_BY_DEV.is_file() else None, **given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise CommandError(
            f"POINTSMAN_{name}: {first['msg']}",
            f"set it in the environment, in {LEFT_BY_DEV} or by --{name.lower().replace('_', '-')}",
            code=2,
        ) from None
