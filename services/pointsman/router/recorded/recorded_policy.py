"""Finds the policy of a version with its models: on record, or in a local file."""

import base64
from pathlib import Path

from pointsman.router.policy.cascade_section import ACCEPT
from pointsman.router.policy.policy_file import PolicyFile, load, parse
from pointsman.router.recorded.policy_record import PolicyRecord
from pointsman.router.scoring.opinion_section import OPINION
from pointsman.router.scoring.score_section import SCORE
from pointsman.runtime.errors import CommandError
from pointsman.runtime.yaml_file import FileError
from pointsman_schemas.base import NamedModel


class NotOnRecordError(CommandError):
    """The policy, or a model that it names, was not found on record."""


async def policy_of(
    record: PolicyRecord, version: str, at_hand: Path, *, everywhere: bool = True
) -> PolicyFile:
    """Return the policy of a version: from the database, else from the file `at_hand`, else from the topic.

    `everywhere` False: do not read the topic, which takes long if no broker answers.

    Raises:
        NotOnRecordError: it was not found.
        CommandError: the recorded policy does not match its version.
    """
    applied = await record.policy(version)
    if applied is None and (file := _at_hand(at_hand, version)) is not None:
        return file
    if applied is None and everywhere:
        applied = await record.policy_on_topic(version)
    if applied is None:
        raise NotOnRecordError(
            f"policy {version} was not found on record",
            "routers publish their policy on the topic `policy` when they start; "
            "or name its file: --policy FILE",
        )
    content = {
        named.sha256: await _content(record, named, version)
        for named in (applied.model, applied.accept, applied.opinion)
        if named is not None
    }
    policy = parse(
        applied.text,
        f"policy {version} on record",
        read_model=lambda _: SCORE.read(content[applied.model.sha256 if applied.model else ""]),
        read_accept=lambda _: ACCEPT.read(content[applied.accept.sha256 if applied.accept else ""]),
        read_opinion=lambda _: OPINION.read(content[applied.opinion.sha256 if applied.opinion else ""]),
    )
    if policy.version != version:
        raise CommandError(
            f"what is on record as policy {version} has the version {policy.version}",
            "it was written by another release of pointsman, or changed: pointsman audit verify",
        )
    return policy


async def _content(record: PolicyRecord, named: NamedModel, version: str) -> bytes:
    recorded = await record.model(named.sha256)
    if recorded is None:
        name = f"{named.name}@{named.version} (SHA-256 {named.sha256})"
        raise NotOnRecordError(
            f"the model {name} of policy {version} is not on record",
            "the audit reads it from the topic `policy`; see how far behind it is: pointsman lag",
        )
    return base64.b64decode(recorded.content)


def _at_hand(file: Path, version: str) -> PolicyFile | None:
    try:
        policy = load(file)
    except FileError:
        return None
    return policy if policy.version == version else None
