"""Every problem in privacy.yaml is reported with its line, and none is accepted."""

import pytest

from pointsman.runtime.yaml_file import FileError
from tests.support.text.parsed import parse_privacy

WRONG = """\
patterns:
  broken: "("
  email: x
  all: ""
masks:
  - name: one
  - name: one
    paths: ["request", "$.a["]
    patterns: [emial]
  - {name: two, topics: [], paths: ["$.a"]}
subjects:
  - agent: clinic
  - {path: $.a, subject: b}
  - {}
"""


def test_every_problem_has_its_place() -> None:
    with pytest.raises(FileError) as wrong:
        parse_privacy(WRONG.replace("topics: [], ", ""))
    places = [":".join(problem.split(":")[1:4]) for problem in wrong.value.problems]
    assert places == [
        "2:11: patterns.broken",
        "3:10: patterns.email",
        "4:8: patterns.all",
        "6:5: masks[0]",
        "7:11: masks[1].name",
        "8:13: masks[1].paths[0]",
        "8:24: masks[1].paths[1]",
        "9:16: masks[1].patterns[0]",
        "12:5: subjects[0]",
        "13:5: subjects[1]",
        "14:5: subjects[2]",
    ]
    with pytest.raises(FileError, match=r"masks\[2\].topics: must have at least 1"):
        parse_privacy(WRONG)


def test_an_empty_file_hides_nothing() -> None:
    assert parse_privacy("").masks == parse_privacy("").subjects == ()
