"""Edits a policy's text to use a newly trained model; comments and layout are kept."""

from collections.abc import Iterable

import yaml

from pointsman.router.policy.policy_file import DEFAULT
from pointsman.router.policy.tier_names import SCORED


def with_score(text: str, model: str, quality: str) -> str:
    """Return `text` with this model in its `score` section, and with its default scored.

    `text` must be a valid policy. The previous default becomes the fallback; a scored default keeps its own.
    """
    sections = _sections(text)
    cuts = [*_default(sections[DEFAULT], text), *_section(sections.get("score"), model, quality)]
    text = _cut(text, cuts)
    if "score" not in sections:
        text = f"{text.rstrip()}\n\nscore:\n  model: {model}\n  quality: {quality}\n"
    return text


def with_accept(text: str, model: str, quality: str) -> str:
    """Return `text`, a policy with a cascade, with answers accepted by this model."""
    section = _sections(text)["cascade"]
    entries = {key.value: (key, value) for key, value in section.value}
    cuts = _section(section, model, quality)
    new = {"model": model, "quality": quality}
    lacking = [f"{name}: {entry}" for name, entry in new.items() if name not in entries]
    if "threshold" in entries:  # belongs to another way to accept
        key, value = entries["threshold"]
        cuts.append((key.start_mark.index, value.end_mark.index, lacking.pop()))
    key, value = entries["accept"]
    between = ", " if section.flow_style else "\n" + " " * key.start_mark.column
    cuts.append((value.start_mark.index, value.end_mark.index, between.join(["model", *lacking])))
    return _cut(text, cuts)


#: Start and end in the text, and the replacement.
Cut = tuple[int, int, str]


def _sections(text: str) -> dict[str, yaml.MappingNode]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    return {key.value: value for key, value in root.value}


def _cut(text: str, cuts: Iterable[Cut]) -> str:
    # From the end, so that earlier positions stay valid.
    for start, end, replacement in sorted(cuts, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text


def _default(node: yaml.MappingNode, text: str) -> list[Cut]:
    for key, value in node.value:
        if key.value == "tier" and value.value != SCORED:
            between = ", " if node.flow_style else "\n" + " " * key.start_mark.column
            replacement = f"{SCORED}{between}fallback: {value.value}"
            return [(value.start_mark.index, value.end_mark.index, replacement)]
    return []


def _section(node: yaml.MappingNode | None, model: str, quality: str) -> list[Cut]:
    if node is None:
        return []
    new = {"model": model, "quality": quality}
    return [
        (value.start_mark.index, value.end_mark.index, new[key.value])
        for key, value in node.value
        if key.value in new
    ]
