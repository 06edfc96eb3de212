"""Where Kafka and Postgres are: flags, else the environment, else what `pointsman dev` left."""

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from pointsman.audit.heads import HeadsPart
from pointsman.registry.settings import RegistryPart
from pointsman.runtime.errors import CommandError
from pointsman.runtime.settings import KafkaPart
from pointsman.store.settings import PostgresPart, PrivacyKeyPart

S = TypeVar("S")

#: KEY=VALUE lines that `pointsman dev` leaves in the folder it was started in.
LEFT_BY_DEV = Path(".pointsman/settings.env")


class CliSettings(KafkaPart, PostgresPart, PrivacyKeyPart, RegistryPart):
    """What the commands need that only look or send."""


class VerifySettings(CliSettings, HeadsPart):
    """What verification needs beyond that: the key that checkpoints must be signed by."""

    audit_public_key: str = ""


def load(settings: type[S], **flags: Any) -> S:
    """Build `settings`; a flag that is None was not given.

    Raises:
        CommandError: a value that cannot be used, with the name of the variable.
    """
    _adopt(LEFT_BY_DEV)
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"])
        flag = f" or by --{name.replace('_', '-')}" if name in flags else ""
        where = f"set it in the environment, in {LEFT_BY_DEV}{flag}"
        # What several settings come to is told by a text that names them.
        problem = f"POINTSMAN_{name.upper()}: {first['msg']}" if name else first["msg"]
        raise CommandError(problem, where, code=2) from None


def _adopt(left: Path) -> None:
    """Put its lines into the environment, which outweighs them: files that name variables see them too."""
    if not left.is_file():
        return
    for line in left.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and name.startswith("POINTSMAN_"):
            os.environ.setdefault(name.strip(), value.strip())
