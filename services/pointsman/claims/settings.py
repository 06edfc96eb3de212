"""Settings of the claim check: the store of large values, and the size from which values are stored."""

from pydantic import Field

from pointsman.runtime.settings import SettingsPart

MIB = 1024 * 1024


class ClaimsPart(SettingsPart):
    """The claim check; must be the same for every service and client of an installation."""

    claims: str = Field(
        default="",
        repr=False,
        description="where large values are kept: file:///FOLDER, postgresql://... or s3://BUCKET/PREFIX; "
        "empty: nowhere, every value travels in its record",
    )
    claims_above_bytes: int = Field(
        default=256 * 1024, ge=1024, description="larger values are put into the store, bytes"
    )
    claims_max_bytes: int = Field(
        default=64 * MIB, ge=1024, description="the largest value written to or read from the store"
    )
    claims_timeout_s: float = Field(default=15, gt=0, description="how long the store may take for one value")
