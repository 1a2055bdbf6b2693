"""What the fuzzing starts from: the conformance cases, which are hostile and sane messages of every kind."""

import base64
import json
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "conformance/data"
SECRET = b"c4nary-session-of-a-bound-user"
AUTH = b"Cookie: a=1; gateway_session=%b; b=2\r\n" % SECRET


@cache
def requests() -> tuple[bytes, ...]:
    """Whole requests, some signed in; without those whose point is their size."""
    found = []
    for row in _rows("requests.jsonl", "own_requests.jsonl"):
        raw = b"".join(map(base64.b64decode, row.get("segs") or [row["raw"]]))
        found.append(raw.replace(b"@@AUTH@@", AUTH if not row.get("noauth") else b""))
    return tuple(each for each in found if len(each) < 8000)


@cache
def responses() -> tuple[bytes, ...]:
    """Answers of upstreams, without their pauses."""
    rows = _rows("responses.jsonl", "own_responses.jsonl")
    found = [b"".join(base64.b64decode(part) for part in row["raw"] if isinstance(part, str)) for row in rows]
    return tuple(each for each in found if 0 < len(each) < 8000)


def targets() -> list[bytes]:
    """The targets of all requests."""
    parts = [each.split(b"\r\n", 1)[0].split(b" ") for each in requests()]
    return [part[1] for part in parts if len(part) > 1] + [b"/old/x", b"/old//x", b"/old/;a/x", b"/old%2fx", b"/old"]


def bodies() -> list[bytes]:
    """What follows the heads, and some chunked bodies that are in order."""
    found = [each.partition(b"\r\n\r\n")[2] for each in requests() + responses()]
    sane = [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n",
        b"0\r\n\r\n",
    ]
    return [each for each in found if each] + sane


def cookies() -> list[bytes]:
    """Cookie fields with ours among others, as browsers and attackers write them."""
    ours = b"gateway_session=%b" % SECRET
    return [
        b"a=1; %b; b=2" % ours,
        b"%b" % ours,
        b"__Host-%b;a=1" % ours,
        b'a="x; %b"; b=2' % ours,
        b"a=1, %b, b=2" % ours,
        b"$Version=1; a=1; $Path=/; %b" % ours,
        b"gateway_login_abc=%b; =%b; %b=" % (SECRET, ours, ours),
        b"GATEWAY_SESSION=x;\tgateway_session =y; a b %b" % ours,
        *(
            line.partition(b":")[2]
            for each in requests()
            for line in each.split(b"\r\n")
            if line[:7].lower() == b"cookie:"
        ),
    ]


def _rows(*files: str) -> list[dict[str, object]]:
    return [json.loads(line) for file in files for line in (DATA / file).read_text().splitlines()]
