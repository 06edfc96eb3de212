"""Both ways through the router's handler, side by side."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pointsman.bus.bundle import Bundle, unpacked
from pointsman.bus.records import Incoming, Outgoing
from pointsman.native.library import library
from pointsman.router.agents_file import Registry
from pointsman.router.handlers import RouterHandler
from pointsman.router.native import NativeModel
from pointsman.router.policy import Policy
from tests.support.router_lanes import NOW, TOPICS

#: For tests of what only the library does.
needs_library = pytest.mark.skipif(library() is None, reason="the native library was not built")


def native_handler(policy: Policy, registry: Registry) -> RouterHandler:
    """A handler that goes the swift way by the library, and has met nothing."""
    return RouterHandler(policy, registry, TOPICS, lambda: NOW, native=NativeModel(policy.scorer))


def swiftly(known: RouterHandler, *records: Incoming) -> list[Outgoing]:
    """What a handler makes of them, wherever that is put."""
    return [replace(made, beside=None) for made in unpacked(known(records))]


def careful(policy: Policy, registry: Registry, record: Incoming) -> list[Outgoing]:
    """By a handler that has met nothing before, and so has no plan."""
    return list(unpacked(RouterHandler(policy, registry, TOPICS, lambda: NOW)([record])))


def count_bundled(known: RouterHandler, records: Sequence[Incoming]) -> int:
    """How many of them go the library's way."""
    return sum(made.count for made in known(records) if isinstance(made, Bundle))
