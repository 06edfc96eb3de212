"""The AsyncAPI 3.0 document: topics as channels, writers and readers as operations."""

from collections.abc import Iterator, Mapping

from pointsman_schemas import dead
from pointsman_schemas.base import Json
from pointsman_schemas.catalog import MESSAGES
from pointsman_schemas.claims import BULK
from pointsman_schemas.export.json_schema import CLAIM, DEAD, ENVELOPE, PLAIN
from pointsman_schemas.topic import DEFAULT_PREFIX, Topic
from pointsman_schemas.topics import Topics

BINDING = "0.5.0"

#: The parts of a topic name that an installation chooses.
PARAMETERS: dict[str, Json] = {
    "prefix": {"description": "first part of every topic's name", "default": DEFAULT_PREFIX},
    "tier": {
        "description": "a tier of the routing policy",
        "examples": ["small", "medium", "frontier"],
    },
}

_PREFIX, _TIER = "{prefix}", "{tier}"


def document(examples: Mapping[str, Json]) -> Json:
    """The AsyncAPI document. `examples` has, for each message name, `headers` and `value` (JSON or text)."""
    topics = Topics(_PREFIX)
    channels = {_channel_id(topic): topic for topic in topics.all([_TIER])}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "pointsman",
            "version": "1.0.0",
            "description": "LLM and agent jobs over Kafka: submitted, routed to a tier, answered, audited.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "the cluster of this installation",
                "variables": {
                    "bootstrap": {"description": "host:port of a broker", "default": "127.0.0.1:19092"}
                },
            }
        },
        "channels": {id: _channel(topic, topics) for id, topic in channels.items()},
        "operations": dict(_operations(channels, topics)),
        "components": {
            "messages": {
                name: _message(name, topic, examples.get(name))
                for topic in channels.values()
                for name in carried(topic, topics)
            }
        },
    }


def carried(topic: Topic, topics: Topics) -> list[str]:
    """The names of the messages on `topic`, including plain job bodies and dead letters."""
    names = [message.TYPE for message in topic.carries]
    if topic == topics.intake:
        names.append(PLAIN)
    if topic == topics.dead:
        names.append(dead.TYPE)
    return names


def _channel_id(topic: Topic) -> str:
    return topic.name.removeprefix(f"{_PREFIX}.").removesuffix(f".{_TIER}").replace(".", "-")


def _channel(topic: Topic, topics: Topics) -> Json:
    return {
        "address": topic.name,
        "title": _channel_id(topic),
        "description": topic.title,
        "parameters": {name: value for name, value in PARAMETERS.items() if f"{{{name}}}" in topic.name},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in carried(topic, topics)},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["compact" if topic.compacted else "delete"],
                    "retention.ms": int(topic.retention.total_seconds() * 1000),
                    "max.message.bytes": topic.max_message_bytes,
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _operations(channels: Mapping[str, Topic], topics: Topics) -> Iterator[tuple[str, Json]]:
    for id, topic in channels.items():
        for action, verb, services in (
            ("send", "sends", topic.writers),
            ("receive", "receives", topic.readers),
        ):
            for service in services:
                name = service.removesuffix(f"-{_TIER}")
                operation: Json = {
                    "action": action,
                    "title": f"{name} {verb} {id}",
                    "summary": topic.title,
                    "channel": {"$ref": f"#/channels/{id}"},
                    "messages": [
                        {"$ref": f"#/channels/{id}/messages/{message}"} for message in carried(topic, topics)
                    ],
                }
                yield f"{name}-{verb}-{id}", operation


def _message(name: str, topic: Topic, example: Json | None) -> Json:
    body: Json = {
        "name": name,
        "title": name,
        "contentType": "application/json",
        "bindings": {
            "kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": BINDING}
        },
    }
    match name:
        case dead.TYPE:
            body |= {
                "summary": topic.title,
                "contentType": "application/octet-stream",
                "headers": {"$ref": f"./{DEAD}.json"},
                "payload": {"description": "the unchanged bytes of the record; none for a tombstone"},
            }
        case _ if name == PLAIN:
            body |= {
                "summary": "A job without an envelope, as any Kafka client may send it. Ids are filled in.",
                "payload": {"$ref": f"./{PLAIN}.json"},
            }
        case _:
            body |= {
                "summary": (MESSAGES[name].__doc__ or "").strip().split("\n")[0],
                "headers": {"$ref": f"./{ENVELOPE}.json"},
                "payload": _payload(name),
            }
    if example is not None:
        headers = {"headers": example["headers"]} if example["headers"] else {}
        body["examples"] = [{"name": name, **headers, "payload": example["value"]}]
    return body


def _payload(name: str) -> Json:
    """The schema of the payload. A message that may be large has an abridged form as well."""
    schema = {"$ref": f"./{name}.json"}
    return {"anyOf": [schema, {"$ref": f"./{CLAIM}.json"}]} if name in BULK else schema
