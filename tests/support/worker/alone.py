"""The limits of a single process, without a shared topic."""

from pointsman.bus.errors import BusError
from pointsman.bus.read.shared_log import SharedLog
from pointsman.worker.limits.shared_limits import SharedLimits


def alone() -> SharedLimits:
    def no_log() -> SharedLog:
        raise BusError("this process shares nothing")

    shared_limits = SharedLimits("alone", no_log)
    shared_limits.joined.set()
    shared_limits.problem = None
    return shared_limits
