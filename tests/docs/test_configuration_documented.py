"""docs/configuration.md and gateway.toml say all that the models know, and nothing else."""

import re
import secrets
import tomllib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.config import json_schema, load, policy_json_schema

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/configuration.md").read_text()
DEMO = (ROOT / "gateway.toml").read_text()

Key = tuple[str, ...]


def keys_of(schema: dict[str, Any], node: dict[str, Any], path: Key = ()) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Every key below `node` with its schema; tables come with their keys."""
    for name, field in node.get("properties", {}).items():
        table = table_of(schema, field)
        yield (*path, name), {"description": table.get("description"), **field}
        yield from keys_of(schema, table, (*path, name))


def table_of(schema: dict[str, Any], field: dict[str, Any]) -> dict[str, Any]:
    """The table that a field holds, one or many; {} if it holds none."""
    options = [field, field.get("items", {}), *field.get("anyOf", ())]
    names = [option["$ref"].rpartition("/")[2] for option in options if "$ref" in option]
    return schema["$defs"][names[0]] if names else {}


GATEWAY = dict(keys_of(json_schema(), json_schema()))
POLICY = dict(keys_of(policy_json_schema(), policy_json_schema()))
TABLES = {key[:-1] for key in [*GATEWAY, *POLICY] if len(key) > 1}


def rows_of(text: str) -> dict[Key, list[str]]:
    """The rows of the tables whose columns are key, type, default, meaning; by the heading's table and the key."""
    found: dict[Key, list[str]] = {}
    table: Key = ()
    listed = False
    for line in text.splitlines():
        if heading := re.fullmatch(r"#{2,3} (?:`\[+([a-z_.]+)\]+`|.*)", line):
            table = tuple(heading[1].split(".")) if heading[1] else ()
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if cells == ["Key", "Type", "Default", "Meaning"]:
                listed = True
            elif listed and (key := re.fullmatch(r"`([a-z_]+)`", cells[0])):
                found[(*table, key[1])] = cells[1:]
        else:
            listed = False
    return found


GUIDE_GATEWAY, GUIDE_POLICY = (rows_of(part) for part in GUIDE.split("\n## Policies\n"))


@pytest.mark.parametrize(("guide", "known"), [(GUIDE_GATEWAY, GATEWAY), (GUIDE_POLICY, POLICY)])
def test_every_key_is_documented_and_every_documented_key_exists(
    guide: dict[Key, list[str]], known: dict[Key, dict[str, Any]]
) -> None:
    """The guide has a row for each key; tables have sections."""
    assert set(known) - TABLES == set(guide) - TABLES


def test_the_rows_say_something() -> None:
    """Each row has a type, a default and a sentence."""
    for key, cells in {**GUIDE_GATEWAY, **GUIDE_POLICY}.items():
        assert len(cells) == 3, key
        assert all(cells), key
        assert cells[2].endswith("."), key


@pytest.mark.parametrize(("guide", "known"), [(GUIDE_GATEWAY, GATEWAY), (GUIDE_POLICY, POLICY)])
def test_documented_defaults_are_the_defaults(guide: dict[Key, list[str]], known: dict[Key, dict[str, Any]]) -> None:
    """A default in backquotes is what the program uses; "required" is what the program requires."""
    for key, (_, default, _) in guide.items():
        parent = json_schema() if known is GATEWAY else policy_json_schema()
        required = key[-1] in _node(parent, key[:-1]).get("required", ())
        assert (default == "required") == required, key
        if default.startswith("`") and default != "`public_url`":
            assert tomllib.loads(f"value = {default.strip('`')}")["value"] == known[key]["default"], key


def _node(schema: dict[str, Any], path: Key) -> dict[str, Any]:
    node = schema
    for name in path:
        node = table_of(schema, node["properties"][name])
    return node


def test_every_field_describes_itself() -> None:
    """`gateway schema` explains every key."""
    for key, field in {**GATEWAY, **POLICY}.items():
        assert field.get("description", "").endswith("."), key


def uncommented() -> dict[str, Any]:
    """The demo's file with the left-out keys in it."""
    return tomllib.loads(re.sub(r"(?m)^#(?=[a-z_]+ = |\[)", "", DEMO))


def test_the_demo_shows_every_key() -> None:
    """gateway.toml has every key, set or commented out, and no other."""

    def walk(value: Any, path: Key = ()) -> Iterator[Key]:
        if isinstance(value, list):
            for item in value:
                yield from walk(item, path)
        elif isinstance(value, dict):
            for name, item in value.items():
                yield (*path, name)
                if (*path, name) in TABLES:
                    yield from walk(item, (*path, name))

    assert set(walk(uncommented())) == set(GATEWAY)


def test_what_the_demo_leaves_out_is_shown_with_its_default() -> None:
    """The value after "#key =" is what the program uses without it."""
    written = tomllib.loads(DEMO)
    for (table, name), field in ((key, field) for key, field in GATEWAY.items() if len(key) == 2):
        shown, used = uncommented()[table], written.get(table, {})
        shown = shown[0] if isinstance(shown, list) else shown
        used = used[0] if isinstance(used, list) else used
        if name not in used and field.get("default") not in (None, "", []) and (table, name) not in TABLES:
            assert shown[name] == field["default"], (table, name)


def write_secrets(folder: Path) -> None:
    """What `gateway demo` and `gateway keys generate` would write."""
    folder.mkdir(parents=True)
    key = generate_private_key(SECP256R1())
    files = {
        "cookie.key": urlsafe_b64encode(secrets.token_bytes(32)),
        "wechat.secret": secrets.token_hex(16).encode(),
        "identity.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)


def test_the_demo_loads(tmp_path: Path) -> None:
    """The repository's gateway.toml and policies work with generated secrets and nothing from the environment."""
    (tmp_path / "gateway.toml").write_text(DEMO)
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    write_secrets(tmp_path / ".demo/secrets")
    (tmp_path / ".demo/users.toml").write_text("")
    loaded = load(tmp_path / "gateway.toml", env={})
    assert [route.policy.name for route in loaded.routes] == ["page", "public", "public", "public", "api", "spa"]
    assert sorted(loaded.policies) == ["api", "page", "public", "spa", "wechat"]
    assert [warning.partition(":")[0] for warning in loaded.warnings] == ["server.development is true"]


def test_the_smallest_real_configuration_loads(tmp_path: Path) -> None:
    """The guide's first snippet, at most 20 lines of keys, loads; all it is warned about is the AppID."""
    gateway, page = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)[:2]
    assert len([line for line in gateway.splitlines() if line]) <= 20
    (tmp_path / "gateway.toml").write_text(gateway)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/page.toml").write_text(page)
    write_secrets(tmp_path / "secrets")
    loaded = load(tmp_path / "gateway.toml", env={})
    [warning] = loaded.warnings
    assert "is the documentation's example" in warning
    assert loaded.settings.apps[0].hosts == ("app.example.com",)
    assert loaded.settings.identity.issuer == "https://app.example.com"
