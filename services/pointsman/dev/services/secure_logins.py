"""The logins of a secure stack: each service, person and agent has its own, with the rights it needs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pointsman.access.apply import Passwords, Servers, apply
from pointsman.access.derive import Access, derive
from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.servers.kafka import environment
from pointsman.dev.services.gateway_agents import api_key_file, gateway_key_file
from pointsman.dev.services.logins import password
from pointsman.dev.services.secure_agents import key_file, secured
from pointsman.dev.show.journey import Sender
from pointsman.identity.keys import PrivateKey
from pointsman.identity.verify import AgentKeys
from pointsman.registry.agents_file import AgentsFile
from pointsman.registry.agents_file import load as load_agents
from pointsman.registry.publish import Person, apply_file
from pointsman.registry.settings import people_of
from pointsman.runtime.private_file import write_private
from pointsman.runtime.settings import KafkaPart
from pointsman.store.roles import AUDITOR, WRITER, as_login
from pointsman_schemas.control.registry import AgentEntry
from pointsman_schemas.topics import Topics

#: The variable that holds a process's Postgres address, by role.
_VARIABLES = {WRITER: "POINTSMAN_POSTGRES_WRITER", AUDITOR: "POINTSMAN_POSTGRES"}
_OWNER = "POINTSMAN_POSTGRES_OWNER"
_REGISTRAR = "registry"


class SecureLogins:
    """The logins that `access` derives, for a broker at `bootstrap` and the Postgres at the address `owner`.

    `agents` is the file of agents in force.
    """

    def __init__(
        self, security: BrokerSecurity, bootstrap: str, owner: str, access: Access, agents: Path
    ) -> None:
        self._security = security
        self._bootstrap = bootstrap
        self._owner = owner
        self._access = access
        self.agents = agents

    async def make(self) -> None:
        """Create the logins on both servers; safe to repeat. Topics and the database schema must exist.

        Raises:
            BusError, StoreError: a server refuses.
        """
        passwords = {user: self._passwords(user) for user in self._access.users}
        servers = Servers(self.admin, self._owner)
        await apply(servers, self._access, passwords)

    @property
    def admin(self) -> KafkaPart:
        """The super user's Kafka settings."""
        return self._kafka(self._security.admin)

    def kafka(self, part: str) -> KafkaPart:
        """Return the Kafka settings of one part: `router`, `worker.small`, `agent.ID`..."""
        return self._kafka(f"{self._access.prefix}.{part}")

    def key_file(self, agent_id: str) -> Path:
        """Return the path of an agent's signing key."""
        return key_file(self._security, f"{self._access.prefix}.agent.{agent_id}")

    def key(self, agent_id: str) -> PrivateKey:
        """Return an agent's signing key."""
        return PrivateKey.parse(self.key_file(agent_id).read_text())

    @property
    def api_key(self) -> str:
        """The API key of `gateway_agents.APP`."""
        return api_key_file(self._security.folder).read_text().strip()

    @property
    def key_place(self) -> Path:
        """The path of that API key, if the stack made one."""
        return self._security.folder / "gateway.key"

    @property
    def registrar(self) -> Person:
        """The person who may change the registry. A change that is not signed by this key is ignored."""
        return Person(_REGISTRAR, PrivateKey.parse(self._registrar_key_file.read_text()))

    @property
    def people(self) -> AgentKeys | None:
        """The public keys by which readers verify the registry."""
        return people_of(self._people)

    async def register(self, file: AgentsFile) -> None:
        """Make the registry match the file. Topics must exist.

        Raises:
            BusError: the registry cannot be read or written.
        """
        registrar, topics = self.registrar, Topics(self._access.prefix)
        await apply_file(self.admin, topics, file, by=registrar.id, key=registrar.key, people=self.people)

    def sender(self, agent_id: str) -> Sender:
        """Return how an agent sends its jobs: with its own login, or with the operator's if it has none."""
        user = f"{self._access.prefix}.agent.{agent_id}"
        part = f"agent.{agent_id}" if user in self._access.users else "operator"
        return Sender(self.kafka(part), self.key(agent_id))

    def env_file(self, part: str) -> Path:
        """Return the path of the file with the environment of one part."""
        return self._security.file(f"{self._access.prefix}.{part}", "env")

    def postgres(self, part: str) -> str:
        """Return the Postgres address of one part, which must have a login there."""
        user = f"{self._access.prefix}.{part}"
        return as_login(self._owner, user, password(self._owner, user))

    def environment(self, part: str) -> dict[str, str]:
        """Return the environment of a process of one part. It overrides inherited connection settings."""
        variables = environment(self.kafka(part)) | dict.fromkeys((*_VARIABLES.values(), _OWNER), "")
        variables["POINTSMAN_REGISTRY_KEYS"] = self._people
        if part == "gateway":
            variables["POINTSMAN_GATEWAY_KEY_FILE"] = str(gateway_key_file(self._security.folder))
        role = self._access.logins.get(f"{self._access.prefix}.{part}")
        return variables | ({_VARIABLES[role]: self.postgres(part)} if role in _VARIABLES else {})

    def leave(self, more: Mapping[str, str]) -> None:
        """Write an environment file for each user, `more` included, to act as that user."""
        registrar = {
            "POINTSMAN_REGISTRY_KEYS": self._people,
            "POINTSMAN_REGISTRY_KEY_FILE": str(self._registrar_key_file),
            "POINTSMAN_AGENT": _REGISTRAR,
        }
        for principal in self._access.principals:
            part = principal.name.removeprefix(f"{self._access.prefix}.")
            variables = {**self.environment(part), **more}
            if principal.role == "agent":
                variables["POINTSMAN_KEY_FILE"] = str(self.key_file(principal.part))
            if principal.role == "registry":
                variables |= registrar
            self._leave(principal.name, variables)
        admin = {**environment(self.admin), "POINTSMAN_POSTGRES": self._owner, **registrar}
        self._leave(self._security.admin, {**admin, **more})

    @property
    def _registrar_key_file(self) -> Path:
        return key_file(self._security, f"{self._access.prefix}.{_REGISTRAR}")

    @property
    def _people(self) -> str:
        registrar = self.registrar
        assert registrar.key is not None
        return f"{registrar.id}={registrar.key.public.text}"

    def _kafka(self, user: str) -> KafkaPart:
        part = self._security.settings(self._bootstrap, user)
        return part.model_copy(update={"prefix": self._access.prefix})

    def _leave(self, user: str, variables: Mapping[str, str]) -> None:
        lines = [f"{name}={value}\n" for name, value in variables.items()]
        write_private(self._security.file(user, "env"), "".join(lines))

    def _passwords(self, user: str) -> Passwords:
        in_kafka = self._security.password_file(user).read_text()
        return Passwords(in_kafka, password(self._owner, user) if user in self._access.logins else None)


def secure_logins(
    security: BrokerSecurity,
    bootstrap: str,
    owner: str,
    *,
    topics: Topics,
    tiers: Sequence[str],
    agents: Path,
    cascade: Sequence[str] = (),
    others: Sequence[AgentEntry] = (),
) -> SecureLogins:
    """Return the logins of an installation with these tiers. Each agent gets a key, and if possible a login.

    `others` are agents in addition to those of the file `agents`.
    """
    file = secured(load_agents(agents, tiers, keys_follow=True), security, topics.prefix, others)
    with_login = [agent for agent in load_agents(file, tiers).agents if agent.kafka]
    access = derive(topics, tiers, with_login, cascade=cascade)
    return SecureLogins(security, bootstrap, owner, access, file)
