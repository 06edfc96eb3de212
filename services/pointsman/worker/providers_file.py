"""`providers.yaml`: the providers, and the models that each tier calls."""

import os
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, model_validator

from pointsman.limits.breaker import BreakerRule
from pointsman.runtime import yaml_file
from pointsman.runtime.yaml_file import Loc
from pointsman.worker.bearer_token import TokenRow
from pointsman.worker.calls.backoff import Pace
from pointsman.worker.calls.prices import ModelPrice
from pointsman.worker.calls.retry_budget import Hedge, RetryRule
from pointsman.worker.limits.ceilings import Ceiling
from pointsman.worker.limits.limits_file import Rate
from pointsman_schemas.base import TierName, Value

Environ = Mapping[str, str]

#: Sent to providers without a key, as OpenAI's clients do: some servers require the header.
NO_KEY = "none"

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}")
# Upper case only: a key pasted by mistake must not pass as a name, as messages repeat names.
_KEY_ENV = re.compile(r"^[A-Z_][A-Z0-9_]{0,63}\Z")
_HEADER_NAME = re.compile(r"^[A-Za-z0-9-]+\Z")
_SECRET_HEADERS = {"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"}


def _substitute(text: Any, info: ValidationInfo) -> Any:
    if not isinstance(text, str):
        return text
    environ: Environ = (info.context or {}).get("environ", {})

    def value(variable: re.Match[str]) -> str:
        name, default = variable.groups()
        if environ.get(name):
            return environ[name]
        if default is None:
            raise ValueError(
                f"the environment variable {name} is not set: set it, or give a default as in ${{{name}:-http://...}}"
            )
        return str(default)

    text = _VARIABLE.sub(value, text)
    if "${" in text:
        raise ValueError("`${` must be written as ${NAME} or ${NAME:-default}")
    return text


def _base_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("must be an address such as https://host/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be an address only: no user, query or fragment; the key comes from key_env")
    return text.rstrip("/")


def _key_env(text: str) -> str:
    if not _KEY_ENV.match(text):
        raise ValueError(
            "must be an environment variable's NAME in capitals such as OPENAI_API_KEY, not the key itself"
        )
    return text


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.match(name) or not _is_header_text(value):
            raise ValueError("header names are letters, digits and `-`, their values printable ASCII")
        if name.lower() in _SECRET_HEADERS:
            raise ValueError(f"`{name}` does not belong in a file: name the key's variable in key_env")
    return headers


def is_azure_v1(base_url: str) -> bool:
    """Whether it is an Azure v1 URL, which needs no `api-version` and no deployment in the path."""
    return urlsplit(base_url).path.rstrip("/").endswith("/openai/v1")


class ProviderRow(Value):
    """An endpoint. `key` reads the API key when needed; the row does not hold it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")
    format: Literal["openai", "openai-embeddings", "azure", "anthropic", "google"] = Field(
        default="openai",
        description="the API's wire format; most providers use OpenAI's, see docs/providers.md",
    )
    base_url: Annotated[str, BeforeValidator(_substitute), AfterValidator(_base_url)]
    key_env: Annotated[str, AfterValidator(_key_env)] | None = None
    token: TokenRow | None = Field(default=None, description="in place of a key: a token that is renewed")
    api_version: str | None = Field(
        default=None, pattern=r"^[a-z0-9][a-z0-9.-]{0,31}$", description="for formats azure and anthropic"
    )
    genai_prices_provider: str | None = Field(
        default=None,
        description="provider in genai-prices whose prices apply; without it the cost is unknown",
    )
    prices: dict[str, ModelPrice] = Field(
        default={}, description="by model, US dollars per million tokens; they take precedence"
    )
    timeout_s: float = Field(default=60, gt=0, le=3600, description="for one call, from request to answer")
    answer_tokens: int = Field(
        default=8192, ge=1, description="for format anthropic: sent as max_tokens if the job sets no limit"
    )
    stream: bool = Field(
        default=True, description="request a stream if the job asks for one, see docs/streaming.md"
    )
    stream_idle_s: float = Field(default=60, gt=0, le=3600, description="longest pause within a stream")
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(default={}, repr=False)
    trace_headers: bool = Field(default=False, description="send the ids of job and agent along")
    limits: dict[str, Rate] = Field(
        default={}, description="by model; a model that is not named is not limited"
    )
    breaker: BreakerRule | None = Field(default=None, description="leave a model alone that keeps failing")

    @model_validator(mode="after")
    def _fits_together(self) -> "ProviderRow":
        if self.key_env is not None and self.token is not None:
            raise ValueError("has both `key_env` and `token`: give one of them")
        if self.api_version is not None and self.format not in ("azure", "anthropic"):
            raise ValueError(f"`api_version` is for formats azure and anthropic, not for {self.format}")
        if self.format == "azure" and self.api_version is None and not is_azure_v1(self.base_url):
            raise ValueError("format azure needs an `api_version`, or a base_url that ends in /openai/v1")
        return self

    def key(self, environ: Environ | None = None) -> SecretStr:
        """Return the API key from the environment.

        Raises:
            ValueError: the variable is not set, or its value cannot be a key.
        """
        if self.key_env is None:
            return SecretStr(NO_KEY)
        value = (os.environ if environ is None else environ).get(self.key_env, "").strip()
        if not value:
            raise ValueError(f"the environment variable {self.key_env} is not set: export {self.key_env}=...")
        if not _is_header_text(value) or " " in value:
            raise ValueError(f"the environment variable {self.key_env} holds characters that no key can have")
        return SecretStr(value)


class Model(Value):
    """One provider's model."""

    provider: str
    model: str = Field(min_length=1)


#: The most calls or jobs in flight: more than a process handles, and few enough for the commit metadata.
_MOST_JOBS = 10_000


class TierRow(Pace):
    """A tier's models, and how its calls are made from one process."""

    provider: str
    model: str = Field(min_length=1)
    embeddings: str | None = Field(
        default=None,
        min_length=1,
        description="the same provider's model for embeddings, if `model` makes none",
    )
    fallback: tuple[Model, ...] = Field(
        default=(), description="models that are tried in order if the first fails"
    )
    fallback_on: tuple[Literal["too_long", "empty"], ...] = Field(
        default=("too_long", "empty"),
        description="more reasons to use the fallback: a request beyond the model's window, an empty answer",
    )
    retries: RetryRule = RetryRule()
    hedge: Hedge | None = Field(default=None, description="make a second call if the first is slow")
    usd_per_job: Decimal | None = Field(
        default=None, gt=0, description="most US dollars for one job's calls on this tier"
    )
    answer_tokens: int = Field(
        default=4096,
        ge=1,
        description="under a spending limit: sent as max_completion_tokens if the job sets no limit",
    )
    max_in_flight: int = Field(
        default=64, ge=1, le=_MOST_JOBS, description="calls under way at once, for each worker process"
    )
    window: int | None = Field(
        default=None,
        ge=1,
        le=_MOST_JOBS,
        description="jobs of one partition under way at once; twice max_in_flight if not given",
    )
    patience_s: float = Field(
        default=600, gt=0, description="seconds that a call waits for limits before it is given up"
    )

    @property
    def jobs_of_a_lane(self) -> int:
        """How many jobs of one partition may be in flight, including those that wait for their commit.

        By default twice the calls: one lane can then use all of them while as many outcomes wait.
        """
        return self.window or min(_MOST_JOBS, 2 * self.max_in_flight)

    @property
    def most_waiting(self) -> int:
        """How many jobs may wait for one agent's own limits, leaving the rest of a lane to other agents."""
        return max(1, self.jobs_of_a_lane // 4)

    @property
    def models(self) -> tuple[Model, ...]:
        """The models for chats, in the order in which they are tried."""
        return Model(provider=self.provider, model=self.model), *self.fallback


class Providers(Value):
    """The whole file."""

    providers: tuple[ProviderRow, ...] = Field(min_length=1)
    tiers: dict[TierName, TierRow] = Field(min_length=1)
    ceilings: tuple[Ceiling, ...] = Field(default=(), description="spending limits per day")

    def of(self, tier: str) -> tuple[TierRow, ProviderRow]:
        """Return the tier's row and its provider's. Raises KeyError for an unknown tier."""
        row = self.tiers[tier]
        return row, self.provider(row.provider)

    def provider(self, name: str) -> ProviderRow:
        """Return the row of a provider that exists; `load` has checked the names."""
        return next(provider for provider in self.providers if provider.name == name)


def load(path: Path, *, tier: str | None = None, environ: Environ | None = None) -> Providers:
    """Read and check the file.

    With `tier`, check also that it has the tier, and that its providers' keys are set.
    Raises:
        FileError: with every problem as path:line:column.
    """
    environ = os.environ if environ is None else environ
    check = partial(_problems, tier=tier, environ=environ)
    return yaml_file.load(path, Providers, context={"environ": environ}, check=check)


def _problems(file: Providers, *, tier: str | None, environ: Environ) -> Iterator[tuple[Loc, str]]:
    names = [provider.name for provider in file.providers]
    yield from _doubles("providers", names)
    yield from _doubles("ceilings", [ceiling.name for ceiling in file.ceilings])
    for name, row in file.tiers.items():
        for place, model in enumerate(row.models):
            loc: Loc = ("tiers", name) if place == 0 else ("tiers", name, "fallback", place - 1)
            if model.provider not in names:
                yield (*loc, "provider"), f"no provider `{model.provider}`{_nearest(model.provider, names)}"
            if model in row.models[:place]:
                yield loc, f"{model.provider}/{model.model} is tried already"
        formats = [provider.format for provider in file.providers if provider.name == row.provider]
        if row.embeddings is not None and formats not in ([], ["openai"]):
            yield ("tiers", name, "embeddings"), f"is for providers of format openai, not {formats[0]}"
    for index, ceiling in enumerate(file.ceilings):
        for place, name in enumerate(ceiling.tiers):
            if name not in file.tiers:
                near = _nearest(name, list(file.tiers))
                yield ("ceilings", index, "tiers", place), f"no tier `{name}`{near}"
    if tier is not None and tier not in file.tiers:
        yield ("tiers",), f"no tier `{tier}`{_nearest(tier, list(file.tiers))}"
    elif tier is not None:
        yield from _keys(file, file.tiers[tier], environ)


def _doubles(section: str, names: list[str]) -> Iterator[tuple[Loc, str]]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield (section, index, "name"), f"there is a `{name}` already"


def _keys(file: Providers, row: TierRow, environ: Environ) -> Iterator[tuple[Loc, str]]:
    called = {model.provider for model in row.models}
    for index, provider in enumerate(file.providers):
        if provider.name in called:
            try:
                provider.key(environ)
            except ValueError as error:
                yield ("providers", index, "key_env"), str(error)


def _nearest(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f", did you mean `{near[0]}`?" if near else f"; there are {', '.join(names)}"


def _is_header_text(text: str) -> bool:
    return text.isascii() and text.isprintable()
