"""The one error of decoding: why a record cannot be understood, in a word and in a sentence."""

from pointsman_schemas.reasons import Reason


class RefusedError(ValueError):
    """`reason` is for counting, the text for a person. Never leaves `bus`: it becomes a `Malformed`."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
