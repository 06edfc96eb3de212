"""Who asks: the agent that an API key stands for, never one that the request names."""

from collections.abc import Mapping
from datetime import datetime

from pointsman.gateway.errors import ApiError
from pointsman.registry.in_force import RegistryInForce

_HINT = "send `Authorization: Bearer KEY`; keys are made by `pointsman agents key --api`"


class Callers:
    """`open_agent`: whose every request is, where agents need not sign."""

    def __init__(self, in_force: RegistryInForce, open_agent: str | None) -> None:
        self._in_force = in_force
        self._open_agent = open_agent

    def agent(self, headers: Mapping[str, str], now: datetime) -> str:
        """The agent's id.

        Raises:
            ApiError: the key is missing, or stands for nobody who may ask now.
        """
        key = _key(headers)
        known = None if key is None else self._in_force.agent_of_key(key, now)
        if known is not None:
            return known
        if self._open_agent is not None and not self._in_force.demands_signatures:
            return self._open_agent
        if key is None:
            raise ApiError(401, "authentication_error", "missing_api_key", f"there is no API key: {_HINT}")
        raise ApiError(
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
