"""All errors of the `score` section are reported; a policy's version covers its model's bytes."""

import errno
from pathlib import Path

import pytest

from pointsman.router.policy.policy_file import PolicyFile, load, parse
from pointsman.router.scoring.score_section import ModelFile
from pointsman.runtime.yaml_file import FileError
from tests.support.router.fixed_score import fixed_score

GOOD = """\
name: default
tiers: [small, medium, frontier]
default: {tier: scored, fallback: frontier, reason: The score decides.}
rules:
  - name: mail
    when: {kind: mail}
    tier: scored
    fallback: medium
    reason: Mails.
score:
  model: ours.json
  quality: 0.99
"""
MODEL = fixed_score({})


def read(name: str) -> ModelFile:
    if name != "ours.json":
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")
    return ModelFile.holding(b"bytes", MODEL)


def read_text(text: str) -> PolicyFile:
    return parse(text, read_model=read)


def problems(text: str) -> list[str]:
    with pytest.raises(FileError) as caught:
        read_text(text)
    return list(caught.value.problems)


def changed(*pairs: tuple[str, str]) -> str:
    text = GOOD
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_good_section_is_read_with_its_model() -> None:
    file = read_text(GOOD)
    assert file.score is not None
    assert file.score.model.model is MODEL
    assert file.score.quality == "0.99"
    assert (file.default.fallback, file.rules[0].fallback) == ("frontier", "medium")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (
            [("model: ours.json", "model: other.json")],
            "policy.yaml:11:10: score.model: `other.json` cannot be read: No such file or directory",
        ),
        (
            [("model: ours.json", "model: 7")],
            "policy.yaml:11:10: score.model: must be the path of a model file",
        ),
        (
            [("quality: 0.99", "quality: 0.999")],
            "policy.yaml:12:12: score.quality: the model is not tuned for `0.999`; it is for 0.99",
        ),
        ([("quality: 0.99", "quality: high")], "policy.yaml:12:12: score.quality: the model is not tuned"),
        ([("  quality: 0.99\n", "")], "policy.yaml:11:3: score: `quality` is missing"),
        (
            [("quality: 0.99", "quality: 0.99\n  tiers: {smal: small}")],
            "policy.yaml:13:11: score.tiers.smal: there is no tier `smal`, did you mean `small`?",
        ),
        (
            [("quality: 0.99", "quality: 0.99\n  tiers: {small: medium, medium: small}")],
            "policy.yaml:13:10: score.tiers: the model's tiers ascend as small, medium, frontier, each once",
        ),
        (
            [("[small, medium, frontier]", "[small, mid, frontier]"), ("fallback: medium", "fallback: mid")],
            "policy.yaml:11:3: score: the model's tier `medium` is none of this policy's; say which it is: "
            "`tiers: {<yours>: medium}`",
        ),
        (
            [("quality: 0.99", "quality: 0.99\n  prices: {huge: 2}")],
            "policy.yaml:13:12: score.prices.huge: there is no tier `huge`",
        ),
        (
            [("quality: 0.99", "quality: 0.99\n  prices: {small: 0}")],
            "policy.yaml:13:19: score.prices.small: must be greater than 0",
        ),
        (
            [("score:\n  model: ours.json\n  quality: 0.99\n", "")],
            "policy.yaml:3:17: default.tier: `scored` needs a `score` section that names a model",
        ),
        (
            [("score:\n  model: ours.json\n  quality: 0.99\n", "")],
            "policy.yaml:7:11: rules[0].tier: `scored` needs a `score` section that names a model",
        ),
        ([("    fallback: medium\n", "")], "policy.yaml:5:5: rules[0]: `tier: scored` needs a `fallback`"),
        (
            [("tier: scored, fallback: frontier", "tier: scored")],
            "policy.yaml:3:10: default: `tier: scored` needs a `fallback`",
        ),
        (
            [("    tier: scored\n    fallback: medium", "    tier: medium\n    fallback: medium")],
            "policy.yaml:5:5: rules[0]: `fallback` is for `tier: scored`",
        ),
        (
            [("fallback: medium", "fallback: scored")],
            "policy.yaml:8:15: rules[0].fallback: there is no tier `scored`",
        ),
        ([("[small, medium, frontier]", "[small, medium, frontier, scored]")], "`scored` stands for"),
    ],
)
def test_contradictory_settings_are_refused_with_their_place(
    pairs: list[tuple[str, str]], expected: str
) -> None:
    messages = problems(changed(*pairs))
    assert [line for line in messages if expected in line], messages


def test_a_model_that_would_not_fit_on_record_is_refused() -> None:
    with pytest.raises(FileError, match="bytes; what fits on record is"):
        parse(GOOD, read_model=lambda _: ModelFile.holding(bytes(6 * 1024 * 1024), MODEL))


def test_invalid_model_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "ours.json").write_bytes(b"{}")
    (tmp_path / "policy.yaml").write_text(GOOD)
    with pytest.raises(FileError, match=r"policy\.yaml:11:10: score\.model: `ours\.json` is not a usable "):
        load(tmp_path / "policy.yaml")


def test_the_version_covers_the_models_bytes_and_not_its_path() -> None:
    version = read_text(GOOD).version
    elsewhere = parse(
        changed(("ours.json", "../models/renamed.json")), read_model=lambda _: read("ours.json")
    )
    assert elsewhere.version == version
    retrained = parse(GOOD, read_model=lambda _: ModelFile.holding(b"other", MODEL))
    assert retrained.version != version


@pytest.mark.parametrize(
    ("pairs", "same"),
    [
        ([("quality: 0.99", 'quality: "0.990"')], True),
        ([("quality: 0.99", "quality: 0.99\n  prices: {}")], True),
        ([("quality: 0.99", "quality: 0.99\n  prices: {small: 2}")], False),
        ([("fallback: medium", "fallback: frontier")], False),
    ],
)
def test_what_decides_is_in_the_version(pairs: list[tuple[str, str]], same: bool) -> None:
    assert (read_text(changed(*pairs)).version == read_text(GOOD).version) is same
