"""Failure handling of lanes in tests."""

from pointsman.bus.consume.failing import Failing
from pointsman_schemas.topics import Topics
from tests.support.worker.routed_jobs import NOW

TOPICS = Topics("t")
FAILING = Failing(TOPICS, stage="worker", source="test", clock=lambda: NOW, tier="small")
