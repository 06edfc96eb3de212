"""What the audit service needs to know."""

from pydantic import Field

from pointsman.bus.settings import LanePart
from pointsman.runtime.settings import HttpPart
from pointsman.store.settings import WriterPart


class AuditSettings(LanePart, WriterPart, HttpPart):
    """Where records come from, where rows go, and how long to wait for another audit process."""

    audit_patience_s: float = Field(
        default=10, gt=0, description="another process that holds a lane in silence for so long is cut off"
    )
