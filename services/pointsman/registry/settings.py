"""Settings: who may change the registry."""

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from pointsman.runtime.settings import SettingsPart

if TYPE_CHECKING:
    from pointsman.identity.verify import AgentKeys


class RegistryPart(SettingsPart):
    """The people whose signature a change of the registry needs; if empty, none is needed."""

    registry_keys: str = Field(
        default="", description="NAME=KEY, commas between: public keys of who may change the registry"
    )

    @field_validator("registry_keys")
    @classmethod
    def _readable(cls, text: str) -> str:
        people_of(text)
        return text

    @property
    def registry_people(self) -> "AgentKeys | None":
        """Their keys; None if no signature is required."""
        return people_of(self.registry_keys)


def people_of(text: str) -> "AgentKeys | None":
    """Parse keys such as `dana=BASE64,jo=BASE64`; a name may occur several times with different keys.

    Raises:
        ValueError: the text has another form.
    """
    keys: dict[str, list[str]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, key = part.partition("=")
        if not equals or not name.strip():
            raise ValueError("write NAME=KEY, with commas between")
        keys.setdefault(name.strip(), []).append(key.strip())
    if not keys:
        return None
    from pointsman.identity.keys import KeyUnreadableError
    from pointsman.identity.verify import AgentKeys

    try:
        return AgentKeys(keys)
    except KeyUnreadableError as error:
        raise ValueError(str(error)) from None
