"""A policy's text with the score asked where no rule speaks; comments and layout stay as they are."""

import yaml

from pointsman.router.policy_file import DEFAULT
from pointsman.router.tier_names import SCORED


def with_score(text: str, model: str, quality: str) -> str:
    """`text` with this model in its `score` section, and a scored default that falls back to what it was.

    `text` must be a policy that can be read; a default that is scored already keeps its fallback.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    found = {key.value: value for key, value in root.value}
    cuts = [*_default(found[DEFAULT], text), *_section(found.get("score"), model, quality)]
    for start, end, said in sorted(cuts, reverse=True):  # from the end: what comes before stays where it is
        text = text[:start] + said + text[end:]
    if "score" not in found:
        text = f"{text.rstrip()}\n\nscore:\n  model: {model}\n  quality: {quality}\n"
    return text


#: From, to, and what stands there instead; places in the text.
Cut = tuple[int, int, str]


def _default(node: yaml.MappingNode, text: str) -> list[Cut]:
    for key, value in node.value:
        if key.value == "tier" and value.value != SCORED:
            between = ", " if node.flow_style else "\n" + " " * key.start_mark.column
            said = f"{SCORED}{between}fallback: {value.value}"
            return [(value.start_mark.index, value.end_mark.index, said)]
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
