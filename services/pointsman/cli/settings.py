"""Settings of commands: options, then the environment, then what `pointsman dev` wrote."""

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

#: KEY=VALUE lines that `pointsman dev` writes in the folder where it was started.
LEFT_BY_DEV = Path(".pointsman/settings.env")


class CliSettings(KafkaPart, PostgresPart, PrivacyKeyPart, RegistryPart):
    """Settings of commands that only read or submit."""


class VerifySettings(CliSettings, HeadsPart):
    """Settings of verification: also the public key of checkpoints and where their copies are."""

    audit_public_key: str = ""


def load(settings: type[S], **flags: Any) -> S:
    """Return the settings; flags that are None are ignored.

    Raises:
        CommandError: a value is invalid; the text names the variable.
    """
    _adopt(LEFT_BY_DEV)
    values = {name: value for name, value in flags.items() if value is not None}
    try:
        return settings(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"])
        flag = f" or by --{name.replace('_', '-')}" if name in flags else ""
        where = f"set it in the environment, in {LEFT_BY_DEV}{flag}"
        # An error about several settings together names them in its text.
        text = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        problem = f"POINTSMAN_{name.upper()}: {text}" if name else text
        raise CommandError(problem, where, code=2) from None


def _adopt(env_file: Path) -> None:
    """Set the variables in `env_file` that are not set yet, also for files that refer to variables."""
    if not env_file.is_file():
        return
    for line in env_file.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and name.startswith("POINTSMAN_"):
            os.environ.setdefault(name.strip(), value.strip())
