"""Answers of the simulated models: canned ones for known questions, else made-up sentences or tool calls."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from pointsman.dev.simulator.answering.draw import below
from pointsman.dev.simulator.answering.models import SimulatedModel
from pointsman.dev.simulator.answering.schema import example

Canned = Mapping[str, Any]  # last user message -> a text, or an object (JSON, arguments of a tool)

MARKER = re.compile(r"\[tool:([\w.-]+)\]")
#: `[say:42]` sets the answer of every model, `[say small:41]` that of one tier or model.
SAY = re.compile(r"\[say(?: ([\w.-]{1,64}))?:([^\]]{0,2000}+)\]")

OPENINGS = (
    "In short, the request “{subject}” can be settled with what it contains.",
    "For “{subject}” the first thing to look at is what is actually asked.",
    "Regarding “{subject}”: the main points are below.",
    "The request “{subject}” has one clear answer and one caveat.",
)
SENTENCES = (
    "The figures given are consistent with each other.",
    "Nothing in the text contradicts this.",
    "One assumption is made: the terms are used in their ordinary sense.",
    "The second point follows from the first.",
    "A short check by hand leads to the same result.",
    "Where the wording is open, the more cautious reading was taken.",
    "The remaining detail does not change the outcome.",
    "If the circumstances change, the conclusion should be looked at again.",
    "The relevant passage is near the beginning.",
    "Both readings were considered; the simpler one fits better.",
    "It would help to know the date on which this was written.",
    "No step depends on information from outside the request.",
    "The order of the steps does not matter here.",
    "A person who knows the case should confirm the last point.",
)


def question(messages: list[dict[str, Any]]) -> str:
    """Return the text of the last user message; empty if there is none."""
    return next((text_of(m) for m in reversed(messages) if m["role"] == "user"), "")


def text_of(message: dict[str, Any]) -> str:
    """Return a message's text: the content, or the text of its content parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if isinstance(part.get("text"), str))


def content(request: dict[str, Any], question: str, canned: Canned, model: SimulatedModel, seed: int) -> str:
    """Return the text of one choice, as JSON if the request asks for JSON."""
    for name, words in SAY.findall(question):
        if name in ("", model.tier, model.name):
            return str(words)
    canned_answer = canned.get(question)
    response_format = request.get("response_format") or {"type": "text"}
    if canned_answer is not None and not isinstance(canned_answer, str):
        return orjson.dumps(canned_answer).decode()
    if response_format["type"] == "json_schema":
        return orjson.dumps(example(response_format["json_schema"]["schema"], seed)).decode()
    text = canned_answer if canned_answer is not None else _sentences(question, model, seed)
    return orjson.dumps({"answer": text}).decode() if response_format["type"] == "json_object" else text


def _sentences(question: str, model: SimulatedModel, seed: int) -> str:
    subject = " ".join(question.split()[:8]) or "nothing"
    least, most = model.sentences
    length = least + below(seed, "length", most - least + 1)
    start = below(seed, "sentences", len(SENTENCES))
    sentences = [OPENINGS[below(seed, "opening", len(OPENINGS))].format(subject=subject)]
    sentences += [SENTENCES[(start + i * 3) % len(SENTENCES)] for i in range(length)]  # 3 and 14: no repeats
    return " ".join(sentences)


def tool_calls(request: dict[str, Any], question: str, canned: Canned, seed: int) -> list[dict[str, Any]]:
    """Return the tool calls that the model makes, usually none.

    It calls a tool if `tool_choice` forces one, if the last message is the user's and contains `[tool:NAME]`,
    or if the canned answer is an object, which then is the arguments.
    """
    tools = {tool["function"]["name"]: tool["function"] for tool in request.get("tools") or ()}
    choice = request.get("tool_choice") or "auto"
    if not tools or choice == "none":
        return []
    canned_answer = canned.get(question)
    names = [name for name in MARKER.findall(question) if name in tools]
    if isinstance(choice, dict):
        names = [choice["function"]["name"]]
    elif choice == "required" or (isinstance(canned_answer, dict) and not names):
        names = names or [next(iter(tools))]
    if choice == "auto" and request["messages"][-1]["role"] != "user":
        return []  # the tool's result is there: answer in text
    if request.get("parallel_tool_calls") is False:
        names = names[:1]
    return [_call(tools[name], canned_answer, seed + i) for i, name in enumerate(names)]


def _call(tool: dict[str, Any], canned_answer: Any, seed: int) -> dict[str, Any]:
    parameters = tool.get("parameters", {"type": "object"})
    arguments = canned_answer if isinstance(canned_answer, dict) else example(parameters, seed)
    function = {"name": tool["name"], "arguments": orjson.dumps(arguments).decode()}
    return {"id": f"call_{seed % 2**64:016x}", "type": "function", "function": function}
