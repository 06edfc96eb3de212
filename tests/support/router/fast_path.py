"""Both paths through the router's handler, side by side."""

from collections.abc import Sequence

import pytest

from pointsman.bus.codec.encoded_batch import EncodedBatch, unpacked
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.registry.in_force import RegistryInForce
from pointsman.router.fast_path import FastScore
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.policy import Policy
from pointsman.runtime.native import library
from tests.support.router.router_lanes import NOW, TOPICS
from tests.support.text.parsed import parse_agents

#: For tests that need the library.
needs_library = pytest.mark.skipif(library() is None, reason="the native library was not built")


def fast_handler(policy: Policy, in_force: RegistryInForce) -> RouterHandler:
    """A handler with the fast path and without earlier jobs."""
    return RouterHandler(policy, in_force, TOPICS, lambda: NOW, fast_score=FastScore(policy.scorer))


def by_fast_path(known: RouterHandler, *records: Incoming) -> list[Outgoing]:
    """A handler's results, wherever they are written."""
    return list(unpacked(known.handle_records(records)))


def by_full_path(policy: Policy, in_force: RegistryInForce, record: Incoming) -> list[Outgoing]:
    """The results of a new handler without the fast path."""
    return list(unpacked(RouterHandler(policy, in_force, TOPICS, lambda: NOW).handle_records([record])))


def count_bundled(known: RouterHandler, records: Sequence[Incoming]) -> int:
    """How many of them took the fast path."""
    return sum(made.count for made in known.handle_records(records) if isinstance(made, EncodedBatch))


def registered(text: str, tiers: Sequence[str]) -> RegistryInForce:
    """A router's registry after these agents are applied."""
    return RegistryInForce(parse_agents(text, tiers).registry)
