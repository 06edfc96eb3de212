"""The dev stack's gateway and an agent that uses it, with keys that are created at the first start."""

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

#: The slash makes a clash with an id of a user's own file unlikely: such an id cannot be a login.
GATEWAY = "pointsman/gateway"
#: The agent that the key in `gateway.key` stands for.
APP = "app"
_PURPOSE = "Asks through the gateway with the key that was made at the first start."
#: Contact of the stack's own entries: `strict: true` requires one, and an expiry, which each start renews.
CONTACT = "whoever started pointsman dev"


def gateway_key_file(folder: Path) -> Path:
    """Return the path of the gateway's signing key, which is created if missing."""
    return kept_private(folder / "gateway.pem", lambda: PrivateKey.generate().pem)


def api_key_file(folder: Path) -> Path:
    """Return the path of the file that holds the API key of `APP`, which is created if missing."""
    return kept_private(folder / "gateway.key", lambda: ApiKeyText.make().text + "\n")


def gateway_entries(folder: Path, listed: Iterable[AgentEntry]) -> list[AgentEntry]:
    """Return the entries of the gateway and, unless listed, of `APP`; their keys are in `folder`."""
    signs = PrivateKey.parse(gateway_key_file(folder).read_text()).public.text
    gateway = answered_for(AgentEntry(id=GATEWAY, owner="pointsman", gateway=True, public_keys=(signs,)))
    if APP in (entry.id for entry in listed):
        return [gateway]
    key = ApiKeyText.parse(api_key_file(folder).read_text().strip())
    keys = () if key is None else (ApiKey(id=key.id, sha256=key.sha256),)
    return [gateway, answered_for(AgentEntry(id=APP, owner="pointsman", purpose=_PURPOSE, api_keys=keys))]


def answered_for(entry: AgentEntry) -> AgentEntry:
    """Return the entry with a contact and the latest permitted expiry, unless it has its own."""
    terms = {"contact": CONTACT, "expires": utc_now().date() + LONGEST}
    return entry.model_copy(update={name: value for name, value in terms.items() if not getattr(entry, name)})


def with_gateway(
    folder: Path, file: Path, listed: Iterable[AgentEntry], others: Sequence[AgentEntry] = ()
) -> Path:
    """Return the file of agents in force without logins.

    For the starter file this is a copy with the gateway, `APP` and `others` added; a user's own file is not
    changed.
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
