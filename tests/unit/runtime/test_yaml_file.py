"""All errors of a YAML file are reported, each with line and column."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field
from pydantic_core import PydanticCustomError

from pointsman.runtime.yaml_file import FileError, Loc, load, parse
from pointsman_schemas.base import TierName, Value


class Wagon(Value):
    kind: str
    axles: int = Field(default=2, gt=0)
    load: str | int | None = None


class Train(Value):
    name: str
    wagons: tuple[Wagon, ...] = ()
    stops: dict[TierName, Wagon] = Field(default={})
    electric: bool = False


GOOD = """
name: night
wagons:
  - {kind: sleeper, axles: 4}
  - kind: diner
"""


def problems(text: str, **options: Any) -> list[str]:
    with pytest.raises(FileError) as error:
        parse(text, "train.yaml", Train, **options)
    assert str(error.value) == "\n".join(error.value.problems)
    return list(error.value.problems)


def test_a_good_file_becomes_the_model() -> None:
    assert parse(GOOD, "train.yaml", Train) == Train(
        name="night", wagons=(Wagon(kind="sleeper", axles=4), Wagon(kind="diner"))
    )


def test_every_mistake_is_named_at_once_in_the_order_of_the_lines() -> None:
    text = """\
nmae: night
wagons:
  - {kind: sleeper, axles: 0, axels: 4}
  - axles: two
    colour: red
  - diner
stops:
  Bad Name: {kind: x}
  good:
"""
    assert problems(text) == [
        "train.yaml:1:1: `name` is missing",
        "train.yaml:1:1: unknown key `nmae`, did you mean `name`?",
        "train.yaml:3:28: wagons[0].axles: must be greater than 0",
        "train.yaml:3:31: wagons[0]: unknown key `axels`, did you mean `axles`?",
        "train.yaml:4:5: wagons[1]: `kind` is missing",
        "train.yaml:4:12: wagons[1].axles: must be a valid integer, unable to parse string as an integer",
        "train.yaml:5:5: wagons[1]: unknown key `colour`; known are kind, axles, load",
        "train.yaml:6:5: wagons[2]: must be a mapping (lines of `key: value`)",
        "train.yaml:8:3: stops.Bad Name: must match ^[a-z0-9][a-z0-9-]{0,31}$",
        "train.yaml:9:8: stops.good: must be a mapping (lines of `key: value`)",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: `name` is missing"),
        ("- name", "1:1: must be a mapping (lines of `key: value`)"),
        ("name: [", "1:8: expected the node content, but found '<stream end>' (while parsing a flow node)"),
        ("name: a\nwagons: {}", "2:9: wagons: must be a list (lines that begin with `- `)"),
        ("name: a\nname: b", "2:1: `name` is there twice, first in line 1"),
        ("name: &x a\nwagons: *x", "2:9: aliases (*name) are not supported: write the value out"),
        ("name: &x [*x]", "1:11: aliases (*name) are not supported: write the value out"),
        ("name: !!int abc", "1:7: name: is not what its tag tag:yaml.org,2002:int says"),
        ("name: !secret abc", "1:7: could not determine a constructor for the tag '!secret'"),
        ("name: a\n? [b]\n: c", "2:3: a key must be a plain text"),
        (
            "name: a\n---\nname: b",
            "2:1: but found another document (expected a single document in the stream)",
        ),
    ],
)
def test_what_is_not_even_a_document_has_a_place_too(text: str, problem: str) -> None:
    assert f"train.yaml:{problem}" in problems(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("off", "off"),
        ("2026-01-31", "2026-01-31"),
        ("12:30", "12:30"),
        ("42", 42),
        ("-1_000", -1000),
        ("0o17", "0o17"),
        ("", None),
        ("~", None),
        ("'7'", "7"),
    ],
)
def test_plain_values_are_read_as_yaml_1_2_reads_them(text: str, value: object) -> None:
    loaded = parse(f"name: a\nwagons: [{{kind: x, load: {text}}}]", "train.yaml", Train).wagons[0].load
    assert (loaded, type(loaded)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"), [("1.5", 1.5), ("1e5", 1e5), (".5", 0.5), ("-2.5e-3", -0.0025), ("3", 3)]
)
def test_numbers_are_numbers(text: str, value: float) -> None:
    class Number(Value):
        x: float

    assert parse(f"x: {text}", "n.yaml", Number).x == value


def test_a_list_of_wrong_items_is_not_called_empty_as_well() -> None:
    class Yard(Value):
        wagons: tuple[Wagon, ...] = Field(min_length=1)
        stops: dict[str, Wagon] = Field(min_length=1)

    def said(text: str) -> list[str]:
        with pytest.raises(FileError) as error:
            parse(text, "yard.yaml", Yard)
        return [problem.partition(" ")[2] for problem in error.value.problems]

    assert said("wagons: [{}]\nstops: {a: {}}") == [
        "wagons[0]: `kind` is missing",
        "stops.a: `kind` is missing",
    ]
    assert said("wagons: []\nstops: {}") == ["wagons: must have at least 1", "stops: must have at least 1"]


def test_a_check_of_the_whole_points_at_the_part_it_means() -> None:
    def diner_has_four_axles(train: Train) -> Iterator[tuple[Loc, str]]:
        for index, wagon in enumerate(train.wagons):
            if wagon.kind == "diner" and wagon.axles != 4:
                yield ("wagons", index, "axles"), "a diner has four"

    assert problems(GOOD, check=diner_has_four_axles) == ["train.yaml:5:5: wagons[1].axles: a diner has four"]


def test_a_validator_sees_the_context_and_its_words_are_kept() -> None:
    from pydantic import ValidationInfo, field_validator

    class Known(Value):
        name: str

        @field_validator("name")
        @classmethod
        def known(cls, name: str, info: ValidationInfo) -> str:
            if name not in (info.context or {})["names"]:
                raise ValueError(f"no train {name}")
            return name

    assert parse("name: day", "k.yaml", Known, context={"names": {"day"}}).name == "day"
    with pytest.raises(FileError, match=r"^k.yaml:1:7: name: no train night$"):
        parse("name: night", "k.yaml", Known, context={"names": {"day"}})


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"absent.yaml: cannot be read: No such file or directory$"):
        load(tmp_path / "absent.yaml", Train)
    (tmp_path / "latin.yaml").write_bytes("name: Größe".encode("latin-1"))
    with pytest.raises(FileError, match=r"latin.yaml: not UTF-8 at byte 8$"):
        load(tmp_path / "latin.yaml", Train)
    (tmp_path / "good.yaml").write_text(GOOD)
    assert load(tmp_path / "good.yaml", Train).name == "night"


def test_a_custom_error_of_pydantic_is_shown_as_it_is() -> None:
    from typing import Annotated

    from pydantic import AfterValidator

    def refuse(_: str) -> str:
        raise PydanticCustomError("odd", "is odd")

    class Odd(Value):
        name: Annotated[str, AfterValidator(refuse)]

    with pytest.raises(FileError, match=r"^o.yaml:1:7: name: is odd$"):
        parse("name: x", "o.yaml", Odd)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(max_size=60) | st.text(alphabet=" \n:-[]{}&*!'\"#|>%@nametrue01?,", max_size=60))
def test_no_text_gives_anything_but_a_model_or_problems(text: str) -> None:
    try:
        parse(text, "any.yaml", Train)
    except FileError as error:
        assert error.problems


class Weighed(Value):
    exact: Decimal
    about: float
    either: str | int | float


def test_a_number_has_all_its_digits_for_who_reads_it_as_decimal() -> None:
    long = "0.12345678901234567890123"
    weighed = parse(f"exact: {long}\nabout: {long}\neither: {long}\n", "train.yaml", Weighed)
    assert weighed.exact == Decimal(long)
    assert weighed.about == weighed.either == float(long)
    assert type(weighed.about) is type(weighed.either) is float
