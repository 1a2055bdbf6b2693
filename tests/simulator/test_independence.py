"""The painted WeChat shares no code with the house."""

import ast
from pathlib import Path

import gateway.simulator


def test_imports_nothing_of_the_gateway():
    """No module of gateway.simulator imports gateway.* outside gateway.simulator."""
    files = sorted(Path(gateway.simulator.__file__).parent.glob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("gateway") or name.startswith("gateway.simulator"), f"{file.name}: {name}"
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{file.name}: relative import"
