"""The topic for an agent's outcomes."""

from pointsman.registry.in_force import RegistryInForce
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics


class OutcomeTopics:
    """An agent with a Kafka login has its own topic, which no other agent may read; all others share one."""

    def __init__(self, topics: Topics, in_force: RegistryInForce) -> None:
        self._topics = topics
        self._shared = topics.results
        self._in_force = in_force

    def __call__(self, agent_id: str) -> Topic:
        known = self._in_force.agent(agent_id)
        has_login = known is not None and known.entry.kafka
        return self._topics.agent_results(agent_id) if has_login else self._shared
