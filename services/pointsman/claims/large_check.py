"""Whether the values that rows name are in their store as they were put there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson

from pointsman.bus.codec.claimed import claim_in
from pointsman.claims.claim_check import ClaimCheck
from pointsman.store.append.row import Row
from pointsman.store.ask.refused import Place
from pointsman.store.verify.findings import Finding, Wrong
from pointsman_schemas.claims import Claim


@dataclass(slots=True)
class LargeValues:
    """Those that rows name; `checked` of them were fetched and held against their digests.

    `refused`: places of claims on the intake that the router refused, as their value is not what they say.
    """

    named: list[tuple[tuple[str, int, int], Claim]] = field(default_factory=list)
    checked: int = 0
    refused: set[Place] = field(default_factory=set)

    def take(self, row: Row) -> None:
        """Note the value that a row names; a stranger's `ce_dataref` is nothing of ours."""
        try:
            body = orjson.loads(row.value or b"")
        except orjson.JSONDecodeError:
            return
        claim = claim_in(body if isinstance(body, dict) else None)
        if claim is not None:
            self.named.append(((row.topic, row.partition, row.offset), claim))

    async def check(self, claim_check: ClaimCheck, advance: Callable[[int], None]) -> Sequence[Finding]:
        """Fetch them all, one after the other; a finding for each that is not as it was.

        Raises:
            ClaimsUnavailableError: the store does not say.
        """
        findings = []
        for place, claim in self.named:
            content = await claim_check.value_of(claim)
            self.checked += 1
            if isinstance(content, str):
                findings.append(Finding(Wrong.LARGE_VALUE, content, *place))
            advance(1)
        return findings
