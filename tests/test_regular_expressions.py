"""House rules for regular expressions, held over the whole source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "gateway"
_RISKY = re.compile(r"(?<!\\)[*+?}]\+(?![^\[]*\])|\(\?>")


def _patterns() -> Iterator[tuple[str, str]]:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                owner, first = node.func.value, node.args[0]
                if isinstance(owner, ast.Name) and owner.id == "re" and isinstance(first, ast.Constant):
                    text = first.value if isinstance(first.value, str) else first.value.decode("latin-1")
                    yield f"{path.relative_to(SOURCE)}:{node.lineno}", text


@pytest.mark.parametrize(("where", "pattern"), list(_patterns()))
def test_no_possessive_quantifiers(where: str, pattern: str) -> None:
    """Python 3.11.2, which Debian 12 ships, matches nested possessive quantifiers wrongly: "//" passed as clean."""
    assert not _RISKY.search(pattern), where


def test_the_rule_sees_what_it_forbids() -> None:
    """The guard itself works, and leaves character classes alone."""
    assert _RISKY.search(r"(?:a++)")
    assert _RISKY.search(r"a*+b")
    assert not _RISKY.search(r"[*+]+x")
    assert not _RISKY.search(r"[!#$%&'*+.^_]+")
