"""What differs between the ways in which providers are asked: one small file for each, beside this one."""

from collections.abc import Mapping
from typing import Protocol

from pointsman.worker.calls.answer import Result
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.secrets import Secrets
from pointsman_schemas.base import Json


class WireFormat(Protocol):
    """From a chat request to bytes and back. Nothing in here sends anything."""

    def url(self, base_url: str) -> str:
        """Where a request goes."""

    def headers(self, key: str) -> Mapping[str, str]:
        """What goes with every request, in lower case."""

    def encode(self, request: Json) -> bytes:
        """The body for a chat request."""

    def decode(
        self, row: ProviderRow, status: int, content: bytes, *, most_raw: int, secrets: Secrets
    ) -> Result:
        """What a whole body with status 2xx amounts to.

        `most_raw` bytes of it are kept where it cannot be read; `secrets` are hidden where it is no answer.
        """
