"""JSON Schemas (draft 2020-12) of record values and headers."""

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
_AGENT = "the agent that the message belongs to"


class _OnTheWire(GenerateJsonSchema):
    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Amounts of money are strings, so that no parser rounds them, e.g. `5E-8`."""
        return {"type": "string", "pattern": r"^-?\d+(\.\d+)?(E[+-]?\d+)?$"}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Titles would repeat the field names."""
        return False


def schemas() -> dict[str, Json]:
    """Every schema by name: message types, the plain job body, headers of envelopes and dead letters."""
    return {
        **{name: message(name) for name in MESSAGES},
        PLAIN: plain_body(),
        ENVELOPE: envelope_headers(),
        CLAIM: abridged_value(),
        DEAD: dead_letter_headers(),
    }


def message(name: str) -> Json:
    """The schema of a message type. `type` is required, to distinguish messages from plain job bodies."""
    body = _of(MESSAGES[name])
    body["required"] = [*body["required"], "type"]
    return _named(name, f"{body.pop('title')} ({name})", body.pop("description"), body)


def plain_body() -> Json:
    """The plain job body that any Kafka client may send to `jobs.intake`."""
    job, chat = _of(Job), _of(ChatRequest)
    properties = {name: job["properties"][name] for name in job["properties"] if name != "request"}
    properties["prompt"] = {
        "type": "string",
        "pattern": r"\S",
        "description": "the same as one message with the role `user`",
    }
    properties["messages"] = chat["properties"]["messages"]
    return _named(
        PLAIN,
        f"Plain job ({PLAIN})",
        "A job without an envelope. Ids are filled in. All further fields are parameters of the OpenAI chat "
        "request and are passed on unchanged.",
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
    """The Kafka headers of every message that pointsman writes. Values are UTF-8 text."""
    attributes = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {**_UUID, "description": "id of this message; a repeat has the same id"},
        "ce_source": {
            "type": "string",
            "minLength": 1,
            "maxLength": 256,
            "description": "who wrote the message",
        },
        "ce_type": {
            "type": "string",
            "pattern": rf"^{TYPE_PREFIX}[a-z.]+\.v\d+$",
            "description": f"`{TYPE_PREFIX}` and the message's type",
        },
        "ce_time": {
            "type": "string",
            "format": "date-time",
            "description": "time of writing, by the writer's clock, in UTC",
        },
        "ce_agentid": {"type": "string", "description": _AGENT},
        "content-type": {"type": "string", "const": "application/json"},
        "ce_subject": {**_UUID, "description": "the job id, as the CloudEvents subject"},
        "ce_jobid": {**_UUID, "description": "the job id"},
        "ce_causationid": {**_UUID, "description": "`ce_id` of the message that caused this one"},
        "ce_attempt": {
            "type": "string",
            "pattern": r"^\d{1,6}$",
            "description": "number of the provider call",
        },
        "ce_orderkey": {
            "type": "string",
            "description": "order key: an agent's jobs with the same key run one after another",
        },
        "ce_dataref": {
            "type": "string",
            "description": "where the whole value is stored; the record's value is abridged, see `claim.v1`",
        },
        DATA_SUBJECT: {"type": "string", "description": "the person that the message is about"},
        SIGNATURE: {
            "type": "string",
            "description": "the sender's signature: key id, colon and an Ed25519 signature in base64",
        },
        dead.CUT_BYTES: {
            "type": "string",
            "description": "the topic refused the original value: its size in bytes",
        },
        dead.CUT_DIGEST: {
            "type": "string",
            "description": "with `ce_cutbytes`: digest of the original value",
        },
        "traceparent": {
            "type": "string",
            "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "W3C trace context",
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
    """The value of a record with `ce_dataref`: the claim and the message's small fields."""
    claim = _of(Claim)
    return _named(
        CLAIM,
        f"Abridged value ({CLAIM})",
        "The value of a record whose whole value is in a store: a reference to it, and the message of type "
        "`ce_type` without its large fields.",
        {
            "type": "object",
            "properties": {"claim": claim},
            "required": ["claim"],
            "additionalProperties": True,
        },
    )


def dead_letter_headers() -> Json:
    """The headers of a dead letter: an envelope with reason and origin."""
    body = envelope_headers()
    body["properties"] |= {
        "ce_type": {"type": "string", "const": f"{TYPE_PREFIX}{dead.TYPE}"},
        "ce_reason": {"type": "string", "enum": [reason.value for reason in Reason]},
        "ce_detail": {"type": "string", "description": "the error, for people"},
        "ce_stage": {"type": "string", "description": "the service that wrote the dead letter"},
        "ce_origin": {
            "type": "string",
            "pattern": r"^.+/\d+@\d+$",
            "description": "position of the record: topic/partition@offset",
        },
        dead.LOST_BEFORE: {
            "type": "string",
            "description": "records from the origin up to the offset before this one were deleted unread",
        },
        dead.VALUE_BYTES: {
            "type": "string",
            "description": "the value is only the beginning of a large one: size of the whole in bytes",
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
        "The value and the key are the unchanged bytes of the record. The record's own headers follow with "
        f"the prefix `{dead.ORIGINAL}`.",
        {name: body[name] for name in ("type", "properties", "required", "additionalProperties")},
    )


def _of(model: type[BaseModel]) -> Json:
    return model.model_json_schema(schema_generator=_OnTheWire)


def _named(name: str, title: str, description: str, body: Json) -> Json:
    return {"$schema": DIALECT, "$id": f"{name}.json", "title": title, "description": description, **body}
