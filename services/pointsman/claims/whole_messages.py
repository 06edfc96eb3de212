"""Completes messages from the audit: values that are stored by reference there are fetched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson

from pointsman.bus.codec.claimed import claim_in
from pointsman.claims.claim_check import ClaimCheck
from pointsman.claims.store import ClaimsUnavailableError
from pointsman.store.append.row import Row
from pointsman.store.ask.refused import Origin
from pointsman.store.verify.findings import Finding, Wrong
from pointsman_schemas.base import Json
from pointsman_schemas.claims import BULK, FRONT, Claim, fill_in


class WholeMessages:
    """Completes messages. Without a `claim_check`, large values are reported as unavailable."""

    def __init__(self, claim_check: ClaimCheck | None) -> None:
        self._claim_check = claim_check

    async def whole(self, kind: str | None, message: Json | None) -> tuple[Json | None, str | None]:
        """Return the whole message of that type, and None; or its stored part, and why the rest is missing.

        The stored part is still a message of its type: its large fields are empty.
        """
        claim = claim_in(message) if kind in BULK else None
        if kind is None or message is None or claim is None:
            return message, None
        content = await self._fetch(claim)
        if isinstance(content, bytes):
            return orjson.loads(content), None
        return fill_in(kind, message), content

    async def whole_value(self, kind: str, value: bytes) -> tuple[bytes, str | None]:
        """Do the same as `whole` for the bytes of a value."""
        if not value.startswith(FRONT):
            return value, None
        message, lost = await self.whole(kind, orjson.loads(value))
        return orjson.dumps(message), lost

    async def _fetch(self, claim: Claim) -> bytes | str:
        if self._claim_check is None:
            return f"its value of {claim.bytes:,} bytes is in {claim.store}: set POINTSMAN_CLAIMS to see it"
        try:
            return await self._claim_check.value_of(claim)
        except ClaimsUnavailableError as error:
            return f"its value of {claim.bytes:,} bytes cannot be fetched now: {error}"


@dataclass(slots=True)
class LargeValues:
    """The large values that rows refer to; `checked` of them were fetched and matched their digests.

    `refused`: positions of references on the intake that the router refused, as their values did not match.
    """

    named: list[tuple[tuple[str, int, int], Claim]] = field(default_factory=list)
    checked: int = 0
    refused: set[Origin] = field(default_factory=set)

    def take(self, row: Row) -> None:
        """Note the value that a row refers to. A `ce_dataref` header alone may be from any client."""
        try:
            body = orjson.loads(row.value or b"")
        except orjson.JSONDecodeError:
            return
        claim = claim_in(body if isinstance(body, dict) else None)
        if claim is not None:
            self.named.append(((row.topic, row.partition, row.offset), claim))

    async def check(self, claim_check: ClaimCheck, advance: Callable[[int], None]) -> Sequence[Finding]:
        """Fetch all values, one after the other; return a finding for each that does not match.

        Raises:
            ClaimsUnavailableError: the store does not answer.
        """
        findings = []
        for origin, claim in self.named:
            content = await claim_check.value_of(claim)
            self.checked += 1
            if isinstance(content, str):
                findings.append(Finding(Wrong.LARGE_VALUE, content, *origin))
            advance(1)
        return findings
