"""Identifies the caller: the agent of the API key, never one that the request names."""

from collections.abc import Mapping
from datetime import datetime

from pointsman.gateway.errors import ApiError, forbidden
from pointsman.registry.in_force import RegistryInForce

_HINT = "send `Authorization: Bearer KEY`; keys are made by `pointsman agents key --api`"


class Callers:
    """Finds callers by API key.

    `open_agent`: stands for requests without a known key, unless agents must sign.
    """

    def __init__(self, in_force: RegistryInForce, open_agent: str | None) -> None:
        self._in_force = in_force
        self._open_agent = open_agent

    def agent(self, headers: Mapping[str, str], now: datetime) -> str:
        """Return the agent's id.

        Raises:
            ApiError: the key is missing, unknown, revoked or expired, or its agent may not submit now.
        """
        key = _key(headers)
        agent_id = None if key is None else self._in_force.agent_of_key(key, now)
        if agent_id is not None:
            return agent_id
        if self._open_agent is not None and not self._in_force.demands_signatures:
            return self._open_agent
        raise _unknown(key)

    def reviewer(self, headers: Mapping[str, str], now: datetime) -> tuple[str, tuple[str, ...]]:
        """Return the id of the key's owner, and the queues whose cases this person may decide.

        Raises:
            ApiError: as for `agent`, but a key is always needed; or the owner reviews no queue.
        """
        key = _key(headers)
        agent_id = None if key is None else self._in_force.agent_of_key(key, now)
        if agent_id is None:
            raise _unknown(key)
        entry = self._in_force.entry(agent_id)
        queues = () if entry is None else entry.reviews or ()
        if not queues:
            hint = "its entry in agents.yaml has no `reviews: [QUEUE]`"
            raise forbidden(f"{agent_id} is no reviewer: {hint}")
        return agent_id, queues


def _unknown(key: str | None) -> ApiError:
    if key is None:
        return ApiError(401, "authentication_error", "missing_api_key", f"there is no API key: {_HINT}")
    return ApiError(
        401,
        "authentication_error",
        "invalid_api_key",
        "the API key is of no agent that may ask now: it is unknown, revoked or expired, or its agent is "
        "suspended or expired: pointsman agents show ID",
    )


def _key(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key") or None
