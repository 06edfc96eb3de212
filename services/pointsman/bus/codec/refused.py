"""The error for a record that cannot be decoded."""

from pointsman_schemas.reasons import Reason


class RefusedError(ValueError):
    """A record cannot be decoded: `reason` for metrics, the text for people. Becomes a `Malformed`."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
