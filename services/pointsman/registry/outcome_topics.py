"""Chooses the topic for an agent's outcomes."""

from pointsman.registry.in_force import RegistryInForce
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics


class OutcomeTopics:
    """An agent with a Kafka login has its own topic, which no other agent may read; the others share one."""

    def __init__(self, topics: Topics, in_force: RegistryInForce) -> None:
        self._topics = topics
        self._shared = topics.results
        self._in_force = in_force

    def __call__(self, agent_id: str) -> Topic:
        agent = self._in_force.agent(agent_id)
        has_login = agent is not None and agent.entry.kafka
        return self._topics.agent_results(agent_id) if has_login else self._shared
