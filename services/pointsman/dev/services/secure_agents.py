"""The agents of a secure stack: those of the user's file, each with its own login and key."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.services.gateway_agents import answered_for, gateway_entries
from pointsman.identity.keys import PrivateKey
from pointsman.registry.agents_file import AgentsFile
from pointsman.runtime.private_file import kept_private, write_private
from pointsman_schemas.control.registry import AgentEntry


def secured(
    listed: AgentsFile, security: BrokerSecurity, prefix: str, others: Sequence[AgentEntry] = ()
) -> Path:
    """Write the file of agents in force in the secure stack, from those listed and `others`.

    Returns its path.
    An agent whose entry has public keys signs with its own key, so none is made. The gateway signs for agents
    that have API keys.
    """
    rules = listed.rules.model_dump(exclude_defaults=True) | {"unregistered": "reject", "identity": "signed"}
    everybody = [
        *listed.entries,
        *map(answered_for, others),
        *gateway_entries(security.folder, listed.entries),
    ]
    entries = [_entry(entry, security, prefix) for entry in everybody]
    file = security.file(f"{prefix}.agents", "yaml")
    write_private(file, yaml.safe_dump({**rules, "agents": entries}, sort_keys=False))
    return file


def key_file(security: BrokerSecurity, user: str) -> Path:
    """Return the path of a user's signing key, which is created if missing."""
    return kept_private(security.file(user, "pem"), lambda: PrivateKey.generate().pem)


def _entry(entry: AgentEntry, security: BrokerSecurity, prefix: str) -> dict[str, Any]:
    fields = entry.model_dump(mode="json", exclude_defaults=True)
    if entry.gateway:
        return fields  # the gateway's process has its own login
    if entry.public_keys is None and not entry.api_keys:
        key = PrivateKey.parse(key_file(security, f"{prefix}.agent.{entry.id}").read_text())
        fields["public_keys"] = [key.public.text]
    try:
        AgentEntry.model_validate({**fields, "kafka": True})
    except ValidationError:  # its id is no topic name, or it has API keys: no login of its own
        return fields
    return {**fields, "kafka": True}
