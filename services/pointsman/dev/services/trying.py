"""The agent and key that the commands under "Try next" use."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pointsman.dev.services.secure_logins import SecureLogins
from pointsman.identity.api_key import ApiKeyText
from pointsman_schemas.control.registry import AgentEntry

_FIRST = "chat-desk"


@dataclass(frozen=True, slots=True)
class Trying:
    """`agent` may submit jobs of `kind`; `login` is its environment file; `api_key` a file with a valid key.

    `asks_for_key`: the gateway requires an API key.
    """

    agent: str = _FIRST
    kind: str | None = "chat"
    login: Path | None = None
    api_key: Path | None = None
    asks_for_key: bool = False


#: Used when nothing else is known.
CHAT_DESK = Trying()


def trying(entries: Sequence[AgentEntry], key_file: Path, secure: SecureLogins | None) -> Trying:
    """Choose an agent from the entries in force; `key_file` is the file of the stack's own API key."""
    digests = {key.sha256 for entry in entries for key in entry.api_keys}
    key = ApiKeyText.parse(key_file.read_text().strip()) if key_file.exists() else None
    api_key = key_file if key is not None and key.sha256 in digests else None
    asking = [entry for entry in entries if not entry.gateway and (entry.kafka or secure is None)]
    agent = next((entry for entry in asking if entry.id == _FIRST), asking[0] if asking else None)
    if agent is None:
        return Trying(api_key=api_key, asks_for_key=secure is not None)
    kind = "chat" if agent.kinds is None else agent.kinds[0]
    login = None if secure is None else secure.env_file(f"agent.{agent.id}")
    return Trying(agent.id, kind, login, api_key, secure is not None)
