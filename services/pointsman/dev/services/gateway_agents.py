"""The dev stack's gateway and an agent that asks through it, with keys that are made at the first start."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from pointsman import starter
from pointsman.identity.api_key import ApiKeyText
from pointsman.identity.keys import PrivateKey
from pointsman.registry.agents_file import LONGEST
from pointsman.runtime.clock import utc_now
from pointsman.runtime.private_file import kept_private, write_private
from pointsman_schemas.control.registry import AgentEntry, ApiKey

#: Neither can be an agent's of somebody else's file by accident: the first is no name of a login.
GATEWAY = "pointsman/gateway"
#: Whose the requests are that come with the key in `gateway.key`.
APP = "app"
_PURPOSE = "Asks through the gateway with the key that was made at the first start."
#: Of the stack's own entries: `strict: true` asks for one, and for a last day, which each start puts off.
CONTACT = "whoever started pointsman dev"


def gateway_key_file(folder: Path) -> Path:
    """Where it is what the gateway signs with; one is made where there is none."""
    return kept_private(folder / "gateway.pem", lambda: PrivateKey.generate().pem)


def api_key_file(folder: Path) -> Path:
    """Where the API key of `APP` is, and nothing else; one is made where there is none."""
    return kept_private(folder / "gateway.key", lambda: ApiKeyText.make().text + "\n")


def gateway_entries(folder: Path, listed: Iterable[AgentEntry]) -> list[AgentEntry]:
    """The gateway, and the agent unless the file has one of that name; their keys are in `folder`."""
    signs = PrivateKey.parse(gateway_key_file(folder).read_text()).public.text
    gateway = answered_for(AgentEntry(id=GATEWAY, owner="pointsman", gateway=True, public_keys=(signs,)))
    if APP in (entry.id for entry in listed):
        return [gateway]
    key = ApiKeyText.parse(api_key_file(folder).read_text().strip())
    keys = () if key is None else (ApiKey(id=key.id, sha256=key.sha256),)
    return [gateway, answered_for(AgentEntry(id=APP, owner="pointsman", purpose=_PURPOSE, api_keys=keys))]


def answered_for(entry: AgentEntry) -> AgentEntry:
    """The entry with a contact and as late a last day as any may have, unless it has its own."""
    given = {"contact": CONTACT, "expires": utc_now().date() + LONGEST}
    return entry.model_copy(update={name: value for name, value in given.items() if not getattr(entry, name)})


def with_gateway(
    folder: Path, file: Path, listed: Iterable[AgentEntry], others: Sequence[AgentEntry] = ()
) -> Path:
    """The file of agents that holds where everybody may: of ours a copy with both, another's as it is.

    `others` come into the copy, too.
    """
    if file != starter.AGENTS:
        return file
    added = [*map(answered_for, others), *gateway_entries(folder, listed)]
    more = [entry.model_dump(mode="json", exclude_defaults=True) for entry in added]
    text = yaml.safe_dump(more, sort_keys=False)
    copy = folder / "agents.yaml"
    indented = "".join(f"  {line}\n" for line in text.splitlines())
    write_private(copy, f"{file.read_text('utf-8').rstrip()}\n\n  # made at the first start\n{indented}")
    return copy
