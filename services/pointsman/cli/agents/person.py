"""The person who changes the registry, and that person's signing key."""

from pathlib import Path

from pointsman.cli.judge import judge
from pointsman.cli.key_file import read_key
from pointsman.identity.verify import AgentKeys
from pointsman.registry.publish import Person
from pointsman.runtime.errors import CommandError


def person(by: str, key: Path | None, people: AgentKeys | None) -> Person:
    """Return the person that `by` names, else the user of this machine. `people`: accepted keys; None: any.

    Raises:
        CommandError: the file holds no key, or a change signed with it would be ignored.
    """
    person_id, own = judge(by), read_key(key)
    if people is not None and (own is None or people.key(person_id, own.public.id) is None):
        why = "nobody signs it" if own is None else f"the key in {key} is none of theirs"
        raise CommandError(
            f"every process would ignore a change by {person_id}: {why}",
            "sign as one of POINTSMAN_REGISTRY_KEYS: --by NAME --key FILE",
        )
    return Person(person_id, own)
