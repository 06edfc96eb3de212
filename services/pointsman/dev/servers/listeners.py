"""The listeners of a broker and their lines in its configuration file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pointsman.dev.ports import LOOPBACK, free_port


@dataclass(frozen=True)
class Listener:
    """One listener of a broker. `settings` are Kafka's settings for this listener alone."""

    name: str
    protocol: str
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    @property
    def address(self) -> str:
        return f"{self.name}://{LOOPBACK}:{self.port}"

    @property
    def lines(self) -> list[str]:
        """This listener's own settings as lines of the configuration file."""
        return [f"listener.name.{self.name.lower()}.{name}={value}" for name, value in self.settings.items()]


@dataclass(frozen=True)
class Listeners:
    """All listeners: those `advertised` to clients, the one used `between` brokers, and the controller's."""

    advertised: Sequence[Listener]
    between: Listener
    controller: Listener

    @property
    def lines(self) -> list[str]:
        """All listener settings as lines of the configuration file."""
        all_ = [*self.advertised, self.controller]
        return [
            f"listeners={','.join(listener.address for listener in all_)}",
            f"advertised.listeners={','.join(listener.address for listener in self.advertised)}",
            f"inter.broker.listener.name={self.between.name}",
            f"controller.listener.names={self.controller.name}",
            f"controller.quorum.bootstrap.servers={LOOPBACK}:{self.controller.port}",
            "listener.security.protocol.map="
            + ",".join(f"{listener.name}:{listener.protocol}" for listener in all_),
            *(line for listener in all_ for line in listener.lines),
        ]
