"""The messages as JSON Schema (draft 2020-12): what a record's value and headers look like on the wire."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from pointsman_schemas import dead
from pointsman_schemas.base import Json
from pointsman_schemas.catalog import MESSAGES
from pointsman_schemas.claims import Claim
from pointsman_schemas.envelope import DATA_SUBJECT, SIGNATURE, TYPE_PREFIX
from pointsman_schemas.jobs import ChatRequest, Job
from pointsman_schemas.reasons import Reason

DIALECT = "https://json-schema.org/draft/2020-12/schema"

PLAIN = "job.plain.v1"
ENVELOPE = "envelope.headers.v1"
CLAIM = "claim.v1"
DEAD = f"{dead.TYPE}.headers"

_UUID = {"type": "string", "format": "uuid"}
_AGENT = "who acts: the agent the job belongs to"


class _OnTheWire(GenerateJsonSchema):
    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Money is written as a text, so that no parser rounds it; `5E-8` is one way to write it."""
        return {"type": "string", "pattern": r"^-?\d+(\.\d+)?(E[+-]?\d+)?$"}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """A field's name says it already."""
        return False


def schemas() -> dict[str, Json]:
    """Every schema by name: message types, the plain body, the headers of envelopes and dead letters."""
    return {
        **{name: message(name) for name in MESSAGES},
        PLAIN: plain_body(),
        ENVELOPE: envelope_headers(),
        CLAIM: abridged_value(),
        DEAD: dead_letter_headers(),
    }


def message(name: str) -> Json:
    """The schema of the message type `name`. `type` is required: it tells our messages from plain bodies."""
    body = _of(MESSAGES[name])
    body["required"] = [*body["required"], "type"]
    return _named(name, f"{body.pop('title')} ({name})", body.pop("description"), body)


def plain_body() -> Json:
    """The flat body that any Kafka client may send to the intake."""
    job, chat = _of(Job), _of(ChatRequest)
    properties = {name: job["properties"][name] for name in job["properties"] if name != "request"}
    properties["prompt"] = {
        "type": "string",
        "pattern": r"\S",
        "description": "short for one message of the role `user`",
    }
    properties["messages"] = chat["properties"]["messages"]
    return _named(
        PLAIN,
        f"Plain job ({PLAIN})",
        "A job without an envelope: who asks and what. Ids are filled in; every further field is a parameter "
        "of the OpenAI chat request and passes through unchanged.",
        {
            "type": "object",
            "properties": properties,
            "required": ["agent_id"],
            "oneOf": [{"required": ["prompt"]}, {"required": ["messages"]}],
            "additionalProperties": True,
            "$defs": {"ChatMessage": chat["$defs"]["ChatMessage"]},
        },
    )


def envelope_headers() -> Json:
    """The Kafka headers of every message that pointsman writes, each value as UTF-8 text."""
    attributes = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {**_UUID, "description": "this message; a repeat has the same id"},
        "ce_source": {"type": "string", "minLength": 1, "maxLength": 256, "description": "who wrote it"},
        "ce_type": {
            "type": "string",
            "pattern": rf"^{TYPE_PREFIX}[a-z.]+\.v\d+$",
            "description": f"`{TYPE_PREFIX}` and the message's type",
        },
        "ce_time": {"type": "string", "format": "date-time", "description": "the writer's clock, in UTC"},
        "ce_agentid": {"type": "string", "description": _AGENT},
        "content-type": {"type": "string", "const": "application/json"},
        "ce_subject": {**_UUID, "description": "the job, as CloudEvents names it"},
        "ce_jobid": {**_UUID, "description": "the job"},
        "ce_causationid": {**_UUID, "description": "`ce_id` of the message that this one follows from"},
        "ce_attempt": {"type": "string", "pattern": r"^\d{1,6}$", "description": "which provider call"},
        "ce_orderkey": {
            "type": "string",
            "description": "with a routed job: an agent's jobs of one key are done one after another",
        },
        "ce_dataref": {
            "type": "string",
            "description": "the value is an abridgement, the whole of it is there: see `claim.v1`",
        },
        DATA_SUBJECT: {"type": "string", "description": "whom the message is about"},
        SIGNATURE: {
            "type": "string",
            "description": "that the agent sent it: key id, colon and an Ed25519 signature in base64",
        },
        dead.CUT_BYTES: {
            "type": "string",
            "description": "the topic did not take the value as it was: so many bytes it would have had",
        },
        dead.CUT_DIGEST: {
            "type": "string",
            "description": "with `ce_cutbytes`: the digest of the value that it would have had",
        },
        "traceparent": {
            "type": "string",
            "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "W3C trace context; the trace is the job",
        },
    }
    return _named(
        ENVELOPE,
        "Envelope",
        "CloudEvents 1.0 attributes as Kafka headers (binary mode). Further headers are allowed.",
        {
            "type": "object",
            "properties": attributes,
            "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_agentid"],
            "additionalProperties": {"type": "string"},
        },
    )


def abridged_value() -> Json:
    """The value of a record with `ce_dataref`: the claim, and the message's small fields."""
    claim = _of(Claim)
    return _named(
        CLAIM,
        f"Abridged value ({CLAIM})",
        "Stands in a record whose value is kept in a store: the digest of the whole value, and the message "
        "that `ce_type` names, without its bulk.",
        {
            "type": "object",
            "properties": {"claim": claim},
            "required": ["claim"],
            "additionalProperties": True,
        },
    )


def dead_letter_headers() -> Json:
    """The envelope of a dead letter, with the reason and where the record stood."""
    body = envelope_headers()
    body["properties"] |= {
        "ce_type": {"type": "string", "const": f"{TYPE_PREFIX}{dead.TYPE}"},
        "ce_reason": {"type": "string", "enum": [reason.value for reason in Reason]},
        "ce_detail": {"type": "string", "description": "what is wrong, for a person"},
        "ce_stage": {"type": "string", "description": "which service gave it up"},
        "ce_origin": {
            "type": "string",
            "pattern": r"^.+/\d+@\d+$",
            "description": "where it stood: topic/partition@offset",
        },
        dead.LOST_BEFORE: {
            "type": "string",
            "description": "records from there to before this offset were deleted before they were read",
        },
        dead.VALUE_BYTES: {
            "type": "string",
            "description": "the value is the beginning of a large one: so many bytes the whole has",
        },
        dead.VALUE_SHA256: {
            "type": "string",
            "description": "with `ce_valuebytes`: SHA-256 of the whole value",
        },
    }
    body["required"] += ["ce_reason", "ce_detail", "ce_stage", "ce_origin"]
    return _named(
        DEAD,
        f"Dead letter ({dead.TYPE})",
        "The record's value and key are the bytes as found; its own headers follow with "
        f"`{dead.ORIGINAL}` in front.",
        {name: body[name] for name in ("type", "properties", "required", "additionalProperties")},
    )


def _of(model: type[BaseModel]) -> Json:
    return model.model_json_schema(schema_generator=_OnTheWire)


def _named(name: str, title: str, description: str, body: Json) -> Json:
    return {"$schema": DIALECT, "$id": f"{name}.json", "title": title, "description": description, **body}
