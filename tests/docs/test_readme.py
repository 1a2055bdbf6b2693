"""What the Markdown files show is so: links lead somewhere, configurations load, commands exist, code runs."""

import json
import re
import shlex
import textwrap
import threading
import time
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web

from gateway import cli
from gateway.cli.keys import generated, write_new
from gateway.config import load
from gateway.core.identity import Binding, Session, Subject
from gateway.core.policy import Access, Policy, Route
from gateway.sealing import KeyedHash
from gateway.signing import KeyRing, Signer, generate_pem, load_private_pem
from gateway.verifiers.http import HttpPasswordVerifier

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for pattern in ("*.md", "docs/*.md", "deploy/*.md", "deploy/*/*.md")
    for path in sorted(ROOT.glob(pattern))
}
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[Any]:
    """The code blocks of a language in all pages, without the indentation of a list."""
    return [
        pytest.param(textwrap.dedent(match[3]), id=f"{page}-{text.count(chr(10), 0, match.start()) + 1}")
        for page, text in PAGES.items()
        for match in BLOCK.finditer(text)
        if match[2] == language
    ]


def spans(text: str) -> list[str]:
    """What stands in backquotes, in order, code blocks left out."""
    return re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))


# --- links ------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """The headings of a page as its links name them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_resolve(page: str) -> None:
    """Every link to a file or folder of the repository finds it, and its heading."""
    for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", PAGES[page])):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


# --- configurations ---------------------------------------------------------------------------------


def smallest(page: str) -> list[str]:
    """The first two configuration blocks of a page: the smallest gateway.toml and its policy."""
    return [match[3] for match in BLOCK.finditer(PAGES[page]) if match[2] == "toml"][:2]


def merged(base: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `part`; tables are merged, lists replaced."""
    both = {
        key: merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in part.items()
    }
    return base | both


def written(value: Any) -> str:
    """A value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {written(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


def secret_files(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each secret's file with the kind of secret that its place asks for."""
    kinds = {"cookie_keys": "cookie", "keys": "identity"}
    if isinstance(value, dict) and "file" in value and value.keys() <= {"file", "audience"}:
        yield value["file"], kinds.get(key, "token")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from secret_files(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from secret_files(item, key)


@pytest.mark.parametrize("text", blocks("toml"))
def test_configurations_load(text: str, tmp_path: Path) -> None:
    """Each is accepted, as it stands or, a part, within the smallest real one, and warned about only as it must be."""
    part = tomllib.loads(text)
    base, page = smallest("docs/configuration.md")
    (tmp_path / "policies").mkdir()
    for policy in (ROOT / "policies").iterdir():
        (tmp_path / "policies" / policy.name).write_text(policy.read_text())
    (tmp_path / "policies/page.toml").write_text(text if "access" in part else page)
    if "version" not in part:
        part = tomllib.loads(base) if "access" in part else merged(tomllib.loads(base), part)
        text = "\n".join(f"{key} = {written(value)}" for key, value in part.items())
    (tmp_path / "gateway.toml").write_text(text)
    for name, kind in secret_files(part):
        write_new(tmp_path / name, generated(kind))
    expected = ["server.development is true", "bind.password.file"] if "development" in text else ["apps[0].app_id"]
    assert [warning.partition(":")[0] for warning in load(tmp_path / "gateway.toml", env={}).warnings] == expected


def test_the_smallest_configuration_is_the_same_everywhere() -> None:
    """README shows the one that the guide explains."""
    assert smallest("README.md") == smallest("docs/configuration.md")


# --- commands ---------------------------------------------------------------------------------------


def commands(line: str) -> Iterator[list[str]]:
    """The arguments of each `gateway` in a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            if words and words[0].rpartition("/")[2] == "gateway":
                yield words[1:]
            words = []
        else:
            words.append(word)


SHOWN = [
    pytest.param(arguments, id=" ".join(arguments))
    for block in blocks("sh")
    for line in block.values[0].splitlines()
    for arguments in commands(line)
]
NAMED = sorted({span for text in PAGES.values() for span in spans(text) if span.startswith("gateway ")})


@pytest.fixture
def dry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are understood and do nothing."""
    for command in [member for member in vars(cli).values() if hasattr(member, "add_to")]:
        monkeypatch.setattr(command, "run", lambda arguments: 0)


@pytest.mark.usefixtures("dry")
@pytest.mark.parametrize("arguments", SHOWN)
def test_shown_commands_exist(arguments: list[str]) -> None:
    """A command line in a block is one that the program takes, options included."""
    assert cli.main(arguments) == 0


@pytest.mark.usefixtures("dry")
@pytest.mark.parametrize("command", NAMED)
def test_named_commands_exist(command: str) -> None:
    """A command in a sentence is one that the program takes, or that only lacks its arguments."""
    arguments = shlex.split(command)[1:]
    with pytest.raises(SystemExit) as exited:
        raise SystemExit(cli.main(arguments if "-" in command else [*arguments, "--help"]))
    assert exited.value.code == 0


def test_make_targets_exist() -> None:
    """`make …` in a sentence or a block names a target."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, text in PAGES.items():
        for target in re.findall(r"(?:`|^|=deep )make ([a-z]+)", text, re.MULTILINE):
            assert target in targets, page


# --- the header -------------------------------------------------------------------------------------

SESSION = Session("sid", Subject("main", "oCANARY"), auth_time=1, created=1, sealed_at=1)
RING = KeyRing([load_private_pem(generate_pem("ES256"), "ES256")])


def mint(issuer: str, audience: str) -> str:
    """A bound user's token, made now."""
    hashes = KeyedHash([bytes(32)], "test")
    policy = Policy("page", Access.BOUND)
    route = Route("app", ("*",), "/", False, frozenset("*"), policy, "legacy", audience)
    binding = Binding(SESSION.subject, "42", {}, "pwd", version=1, bound_at=1)
    return Signer(RING, issuer, 120, hashes, hashes, {}).mint(SESSION, route, binding, int(time.time()))


class Jwks(BaseHTTPRequestHandler):
    """Publishes the keys."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_gateway/jwks.json" else 404)
        self.end_headers()
        self.wfile.write(RING.jwks())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_the_backend_of_the_readme_lets_in_whom_the_gateway_vouches_for() -> None:
    """The Python of the first screen verifies a token of the gateway's, and refuses one for another backend."""
    [code] = [match[3] for match in BLOCK.finditer(PAGES["README.md"]) if match[2] == "python"]
    server = HTTPServer(("127.0.0.1", 0), Jwks)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        issuer = f"http://127.0.0.1:{server.server_port}"
        backend: dict[str, Any] = {}
        exec(code.replace("https://app.example.com", issuer), backend)
        assert backend["user"]({"X-User": mint(issuer, "legacy")})["sub"] == "42"
        with pytest.raises(jwt.InvalidAudienceError):
            backend["user"]({"X-User": mint(issuer, "another")})
        with pytest.raises(jwt.InvalidIssuerError):
            backend["user"]({"X-User": mint("https://evil.test", "legacy")})
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def shown_python(page: str, word: str) -> dict[str, Any]:
    """What the Python block of a page defines, of those the one that has `word`."""
    [code] = [match[3] for match in BLOCK.finditer(PAGES[page]) if match[2] == "python" and word in match[3]]
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def test_the_contract_shows_how_to_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    """The snippet of docs/identity-header.md accepts the gateway's token for its audience, and no other."""
    backend = shown_python("docs/identity-header.md", "PyJWKClient")
    jwks = jwt.PyJWKSet.from_json(RING.jwks().decode())
    monkeypatch.setattr(backend["KEYS"], "get_jwk_set", lambda refresh=False: jwks)
    assert backend["user"](mint("https://app.example.com", "legacy"))["sub"] == "42"
    with pytest.raises(jwt.InvalidAudienceError):
        backend["user"](mint("https://app.example.com", "another"))


async def test_the_signature_is_checked_as_shown(aiohttp_server: Any) -> None:
    """The recipe of docs/quickstart.md accepts what the gateway sends, and nothing that was changed or is old."""
    genuine = shown_python("docs/quickstart.md", "hmac")["genuine"]
    seen: list[tuple[str, str, bytes]] = []

    async def verify(request: web.Request) -> web.Response:
        headers = request.headers
        seen.append((headers["X-Gateway-Timestamp"], headers["X-Gateway-Signature"], await request.read()))
        return web.json_response({"user_id": "42"})

    app = web.Application()
    app.router.add_post("/", verify)
    server = await aiohttp_server(app)
    for clock in (time.time, lambda: time.time() - 400):
        verifier = HttpPasswordVerifier(str(server.make_url("/")), b"secret", clock=clock)
        await verifier.verify("ann", "right")
        await verifier.close()
    (timestamp, signature, body), old = seen
    assert genuine(b"secret", timestamp, signature, body)
    assert not genuine(b"secret", timestamp, signature, body + b" ")
    assert not genuine(b"other", timestamp, signature, body)
    assert not genuine(b"secret", *old)


def test_the_contract_lists_every_claim() -> None:
    """docs/identity-header.md has a row for each claim of a token, and no other."""
    section = PAGES["docs/identity-header.md"].split("\n## Claims\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    token = jwt.decode(mint("https://app.example.com", "legacy"), options={"verify_signature": False})
    assert sorted(name for cell in cells for name in spans(cell)) == sorted(token)


# --- files and tests that the pages name ------------------------------------------------------------


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md"])
def test_named_files_exist(page: str) -> None:
    """A file or folder in backquotes is there: below gateway/, tests/, or the repository."""
    names = [span for span in spans(PAGES[page]) if re.fullmatch(r"[\w.-][\w./-]*(?:\.(?:py|md|toml|lock)|/)", span)]
    assert names
    for name in names:
        assert any((folder / name).exists() for folder in (ROOT / "gateway", ROOT / "tests", ROOT)), name


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "SECURITY.md"])
def test_named_tests_exist(page: str) -> None:
    """A test in backquotes is in the test file named before it."""
    found = 0
    for line in PAGES[page].splitlines():
        tests = ""
        for span in spans(line):
            if span.endswith(".py"):
                tests = (ROOT / "tests" / span).read_text() if "/test_" in span else ""
            elif span.startswith("test_"):
                assert re.search(rf"^(?:async )?def {span}\(", tests, re.MULTILINE), span
                found += 1
    assert found


def test_every_threat_has_code_and_a_test() -> None:
    """No row of SECURITY.md is a mere claim."""
    section = PAGES["SECURITY.md"].split("\n## Threat")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    threats = [cells for cells in rows if cells[0] != "threat" and not set(cells[0]) <= set("-")]
    assert threats
    for threat, code, test in threats:
        assert any(span.endswith(".py") for span in spans(code)), threat
        assert any(span.startswith("test_") for span in spans(test)), threat
