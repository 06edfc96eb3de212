"""All errors of a policy file are reported at once, each with its place and a remedy."""

from pathlib import Path

import pytest

from pointsman.router.policy.policy_file import PolicyFile, load, parse
from pointsman.runtime.yaml_file import FileError

GOOD = """\
name: default
tiers: [small, medium, frontier]
default: {tier: medium, reason: Nothing says otherwise.}
rules:
  - name: asked-for
    when: {tier: asked}
    tier: asked
    reason: It was asked for.
  - name: short-sql
    when: {kind: sql, max_chars: 4000, tools: false}
    tier: small
    reason: Short.
"""

BROKEN = """\
name: default
tiers: [small, medium, frontier]
default: {tier: huge, reason: x}
rules:
  - name: one
    when: {kind: sql, max_char: 4000}
    tier: medum
    reason: x
  - name: one
    when: {max_chars: many}
    tier: small
    reason: x
  - name: three
    when: {min_chars: 9, max_chars: 3}
    tier: small
    reason: x
  - name: four
    when: {}
    tier: small
    reason: x
  - name: default
    when: {tier: [small, smal]}
    tier: small
  - name: six
    when: {kind: sql}
    tier: asked
    reason: x
limit: {}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(FileError) as caught:
        parse(text)
    return list(caught.value.problems)


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_all_errors_are_reported_with_their_place() -> None:
    messages = problems(BROKEN)
    for expected in (
        "policy.yaml:3:17: default.tier: there is no tier `huge`. The tiers are small, medium, frontier",
        "policy.yaml:6:23: rules[0].when: unknown key `max_char`, did you mean `max_chars`?",
        "policy.yaml:7:11: rules[0].tier: there is no tier `medum`, did you mean `medium`?",
        "policy.yaml:9:11: rules[1].name: there is a rule `one` above",
        "policy.yaml:10:23: rules[1].when.max_chars: must be a valid integer",
        "policy.yaml:14:11: rules[2].when: can never hold: min_chars 9 is above max_chars 3",
        "policy.yaml:18:11: rules[3].when: has no condition",
        "policy.yaml:21:11: rules[4].name: `default` is the name of the default",
        "policy.yaml:22:26: rules[4].when.tier[1]: there is no tier `smal`, did you mean `small`?",
        "policy.yaml:21:5: rules[4]: `reason` is missing",
        "policy.yaml:24:5: rules[5]: `tier: asked` needs `when: {tier: asked}`",
        "policy.yaml:28:1: unknown key `limit`, did you mean `limits`?",
    ):
        assert [line for line in messages if line.startswith(expected)], (expected, messages)
    assert len(messages) == 12


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (changed("tiers: [small, medium, frontier]", "tiers: [small, small]"), "lists a tier twice"),
        (changed("[small, medium, frontier]", "[small, medium, asked]"), "`asked` stands for"),
        (changed("[small, medium, frontier]", "[]"), "must have at least 1"),
        (changed("tier: medium, reason: N", "tier: asked, reason: N"), "`asked` is for rules"),
        (changed("name: short-sql", "name: Short SQL"), "must match"),
        (changed("    when: {tier: asked}\n", "    when: {tier: asked}\n    when: {}\n"), "there twice"),
        (changed("rules:", "rules: 7\nx:"), "must be a list"),
        ("", "`tiers` is missing"),
        ("[", "policy.yaml:1:"),
    ],
)
def test_contradictory_rules_are_refused(text: str, expected: str) -> None:
    assert expected in "\n".join(problems(text))


def test_a_missing_file_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.yaml: cannot be read: No such file"):
        load(tmp_path / "none.yaml")


def test_the_version_depends_on_content_not_formatting() -> None:
    version = "p-7276b77e7146"  # in every release, so that decisions of different releases can be compared
    same = (
        GOOD,
        "# a comment\n" + GOOD,
        changed("kind: sql,", "kind: [sql],"),
        changed(
            "name: default\ntiers: [small, medium, frontier]",
            'tiers: ["small", medium, frontier]\nname: default',
        ),
        GOOD + "limits: {max_record_bytes: 262144}\n",
    )
    assert {parse(text).version for text in same} == {version}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: default", "name: other"),
        ("[small, medium, frontier]", "[medium, small, frontier]"),
        ("max_chars: 4000", "max_chars: 4001"),
        ("reason: Short.", "reason: Brief."),
        ("tools: false", "tools: true"),
    ],
)
def test_any_change_of_content_changes_the_version(old: str, new: str) -> None:
    assert parse(changed(old, new)).version != parse(GOOD).version


def test_the_order_of_rules_is_content() -> None:
    file = parse(GOOD)
    turned = PolicyFile.model_construct(**{**dict(file), "rules": file.rules[::-1]})
    assert turned.version != file.version


MODELS = (
    GOOD
    + """\
models:
  gpt-4o: medum
  auto: small
  tier:small: small
  a name: small
  ours/fast: small
"""
)


def test_names_of_models_stand_for_tiers() -> None:
    file = parse(GOOD + "models: {gpt-4o: medium, 'meta-llama/Llama-3:free': small}\n")
    assert file.models == {"gpt-4o": "medium", "meta-llama/Llama-3:free": "small"}
    assert file.version != parse(GOOD).version, "what clients may ask for is part of the policy"
    assert parse(GOOD + "models: {}\n").version == parse(GOOD).version


def test_a_wrong_model_name_is_reported_with_its_line() -> None:
    first = len(GOOD.splitlines()) + 1
    with pytest.raises(FileError) as caught:
        parse(MODELS)
    problem = "`auto` and `tier:NAME` are reserved; give the model another name"
    assert caught.value.problems == (
        f"policy.yaml:{first + 2}:3: models.auto: {problem}",
        f"policy.yaml:{first + 3}:3: models.tier:small: {problem}",
        f"policy.yaml:{first + 4}:3: models.a name: must match ^[!-~]+$",
    )
    with pytest.raises(FileError) as caught:
        parse(GOOD + "models:\n  gpt-4o: medum\n")
    assert caught.value.problems == (
        f"policy.yaml:{first + 1}:11: models.gpt-4o: there is no tier `medum`, did you mean `medium`? "
        "The tiers are small, medium, frontier",
    )


def test_names_of_models_have_bounds() -> None:
    with pytest.raises(FileError, match="128 characters"):
        parse(GOOD + f"models: {{{'x' * 129}: small}}\n")
    many = "".join(f"  m{number}: small\n" for number in range(1_001))
    with pytest.raises(FileError, match="1000"):
        parse(GOOD + f"models:\n{many}")
