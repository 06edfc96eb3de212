"""`webhooks.yaml`: each agent's receiver of webhooks."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, TypeAdapter

from pointsman.client.webhook import secret_of
from pointsman.runtime import yaml_file
from pointsman.runtime.errors import CommandError
from pointsman.runtime.yaml_file import Loc
from pointsman_schemas.base import AgentId

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_URL: TypeAdapter[AnyHttpUrl] = TypeAdapter(AnyHttpUrl)


class WebhookRow(BaseModel):
    """One agent's receiver; its secret is in an environment variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agent: AgentId
    url: Annotated[str, Field(max_length=2_000)]
    secret_env: Annotated[str, Field(pattern=_VARIABLE.pattern)]

    def secret(self, environ: Mapping[str, str]) -> bytes:
        """Return the key that signs this receiver's webhooks.

        Raises:
            ValueError: the variable is not set, or its value is no valid secret.
        """
        try:
            return secret_of(environ.get(self.secret_env, ""))
        except CommandError as error:
            raise ValueError(
                f"the environment variable {self.secret_env}: {error.problem}: {error.hint}"
            ) from None


class WebhooksFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhooks: tuple[WebhookRow, ...] = Field(default=(), max_length=10_000)


def load(path: Path, environ: Mapping[str, str] | None = None) -> WebhooksFile:
    """Read the file and check that each secret is available.

    Raises:
        FileError: with every problem found.
    """
    variables = os.environ if environ is None else environ

    def problems(file: WebhooksFile) -> Iterable[tuple[Loc, str]]:
        agents: set[str] = set()
        for at, row in enumerate(file.webhooks):
            if row.agent in agents:
                yield ("webhooks", at, "agent"), f"{row.agent} is repeated"
            agents.add(row.agent)
            try:
                _URL.validate_python(row.url)
            except ValueError:
                yield ("webhooks", at, "url"), "no address of a web server: https://..."
            try:
                row.secret(variables)
            except ValueError as error:
                yield ("webhooks", at, "secret_env"), str(error)

    return yaml_file.load(path, WebhooksFile, check=problems)
