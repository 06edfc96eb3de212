"""An API key has one format; anything else is refused first."""

import re
from hashlib import sha256

import pytest
from pydantic import BaseModel

from pointsman.identity.api_key import ApiKeyText
from pointsman.runtime import yaml_file

KEY = ApiKeyText.make()


class Ids(BaseModel):
    ids: list[str]


def test_a_key_is_read_as_it_was_made() -> None:
    assert ApiKeyText.parse(KEY.text) == KEY
    assert re.fullmatch(r"pmk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", KEY.text)
    assert KEY.text.split("_")[1] == KEY.id
    assert KEY.sha256 == sha256(KEY.text.encode()).hexdigest()


def test_keys_are_unique_and_hidden_in_representations() -> None:
    made = [ApiKeyText.make() for _ in range(100)]
    assert len({key.text for key in made}) == len({key.id for key in made}) == 100
    assert KEY.text not in repr(KEY)


def test_an_id_is_a_text_wherever_it_is_pasted() -> None:
    ids = [ApiKeyText.make().id for _ in range(3_000)]  # of such as begin with any digit some 20 are numbers
    assert yaml_file.parse(f"ids: [{', '.join(ids)}]", "x.yaml", Ids).ids == ids


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-abc",
        KEY.text[:-1],
        KEY.text + "A",
        KEY.text + "\n",
        " " + KEY.text[1:],
        KEY.text.upper(),
        KEY.text[:-1] + "B",  # bits that belong to no byte
        KEY.text.replace("pmk_", "pmx_"),
        KEY.text[:-2] + "\ud800A",
        KEY.text[:-2] + "éA",
        "pmk_" + "a" * 10_000_000,
    ],
    ids=range(12),
)
def test_text_in_another_format_is_not_a_key(text: str) -> None:
    assert ApiKeyText.parse(text) is None
