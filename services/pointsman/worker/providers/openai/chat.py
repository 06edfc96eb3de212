"""OpenAI's chat completions, which most providers and gateways accept: requests pass unchanged."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

import orjson

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.worker.calls.answer import Result
from pointsman.worker.providers.openai.without_native import without_native
from pointsman.worker.providers.response import read_answer
from pointsman.worker.providers.wire_format import AnswerBody, WireFormat
from pointsman.worker.providers_file import is_azure_v1
from pointsman_schemas.base import Json
from pointsman_schemas.jobs import EMBEDDINGS


class OpenAIChat(WireFormat):
    """See `WireFormat`."""

    def url(self, base_url: str, request: Json) -> str:
        """See `WireFormat`."""
        return f"{base_url.rstrip('/')}/chat/completions"

    def models_url(self, base_url: str) -> str:
        """See `WireFormat`."""
        return f"{base_url.rstrip('/')}/models"

    def key_header(self, key: str) -> Mapping[str, str]:
        """See `WireFormat`."""
        return {"authorization": f"Bearer {key}"}

    def encode(self, request: Json) -> bytes:
        """See `WireFormat`."""
        if EMBEDDINGS in request:
            raise RequestFieldError(
                EMBEDDINGS,
                "this model answers conversations; name a tier that makes embeddings, or give this one "
                "`embeddings: MODEL` in providers.yaml",
            )
        return orjson.dumps(without_native(request))

    def decode(self, answered: AnswerBody) -> Result:
        """See `WireFormat`."""
        return read_answer(answered)

    def translator(self, at: datetime) -> None:
        """See `WireFormat`."""
        return


class AzureOpenAI(OpenAIChat):
    """Azure's variant: another header for the key and, except with `/openai/v1`, a deployment in the path.

    `base_url`: the resource's address, with or without `/openai`; or up to `/openai/v1` or the deployment.
    """

    def __init__(self, api_version: str | None) -> None:
        self._query = "" if api_version is None else f"?{urlencode({'api-version': api_version})}"

    def url(self, base_url: str, request: Json) -> str:
        """See `WireFormat`."""
        base = base_url.rstrip("/")
        if not is_azure_v1(base) and "/deployments/" not in base:
            deployment = quote(str(request.get("model")), safe="")
            base = f"{_openai(base)}/deployments/{deployment}"
        return f"{base}/chat/completions{self._query}"

    def models_url(self, base_url: str) -> str:
        """See `WireFormat`."""
        base = base_url.rstrip("/")
        base = base if is_azure_v1(base) else _openai(base.partition("/deployments/")[0])
        return f"{base}/models{self._query}"

    def key_header(self, key: str) -> Mapping[str, str]:
        """See `WireFormat`."""
        return {"api-key": key}


def _openai(base: str) -> str:
    return base if base.endswith("/openai") else f"{base}/openai"
