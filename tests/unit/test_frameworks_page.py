"""The examples in docs/frameworks.md are the ones that tests/compat runs."""

import re
import textwrap
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "frameworks.md").read_text("utf-8")
TESTS = CHECKOUT / "tests" / "compat"
_TEST = re.compile(r"\(\.\./tests/compat/(test_\w+\.py)\)")
_CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_each_block_of_code_stands_in_its_frameworks_test() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    for section in sections:
        if "tried by hand" in section.splitlines()[2]:  # no library, that a test could import
            continue
        (name,) = _TEST.findall(section)
        blocks = _CODE.findall(section)
        assert blocks, section
        code = (TESTS / name).read_text("utf-8")
        assert [block for block in blocks if textwrap.indent(block, "    ") not in code] == []


def test_each_test_of_a_framework_has_a_section() -> None:
    assert sorted(_TEST.findall(PAGE)) == sorted(path.name for path in TESTS.glob("test_*.py"))
