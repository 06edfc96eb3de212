"""What can keep the dev stack from starting, always with what to do about it."""


class DevError(Exception):
    """`str()` says what happened, `hint` what to do next."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class NoJavaError(DevError):
    """There is no Java that can run Kafka."""


class DownloadError(DevError):
    """A jar cannot be had."""


class PortTakenError(DevError):
    """Somebody else listens where we want to."""


class DiskFullError(DevError):
    """There is no room for data."""


class FolderTakenError(DevError):
    """Another dev stack uses this data folder."""


class ServerFailedError(DevError):
    """Kafka or Postgres ended, or did not become ready."""
