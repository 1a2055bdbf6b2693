"""Whatever an upstream answers, the client sees a clean answer, a 502, or that something is missing: never a riddle."""

import re
from collections.abc import Iterator

import pytest

from .cases import ResponseCase, response_cases
from .client import Answer, Exchange, exchange
from .conftest import Bench
from .recorder import Script

GIVEN = response_cases("responses.jsonl")
OWN = response_cases("own_responses.jsonl")
_LARGE = 5_000_000  # bytes of the upload that an early answer cuts short


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", [*GIVEN, *OWN], ids=repr)
async def test_response(bench: Bench, case: ResponseCase) -> None:
    """The client is not misled, and the next client gets its own answer."""
    early = case.method == "POSTBIG"
    target = b"/resp/" + case.name.encode()
    script = Script(case.parts, case.closes, early)
    bench.recorder.script = lambda request: script if request.target == target else None
    method = b"POST" if early else case.method.encode()
    body = bytes(_LARGE) if early else b""
    length = b"Content-Length: %d\r\n" % _LARGE if early else b""
    for _ in range(2 if bench.fast else 1):  # the second head may be one that the wire remembers
        came = await exchange(bench.port, [_request(bench, method, target, length) + body])
        after = await exchange(bench.port, [_request(bench, b"GET", b"/after/" + case.name.encode())])
        assert [answer.status for answer in after.answers] == [200], after
        assert b"/after/" + case.name.encode() in after.answers[0].body, "the pool is poisoned"
        assert not list(_faults(case, came)), (came.answers, came.data[:200])


def _request(bench: Bench, method: bytes, target: bytes, fields: bytes = b"") -> bytes:
    return b"%b %b HTTP/1.1\r\n%bHost: gw.test\r\n%b\r\n" % (method, target, bench.auth, fields)


def _faults(case: ResponseCase, came: Exchange) -> Iterator[str]:
    if not came.ended:
        yield "the client hung"
    if len(came.answers) > 1:
        yield f"{len(came.answers)} answers"
    yield from (f"the client saw {part!r}" for part in case.forbidden if part in came.data)
    yield from (f"the client did not see {part!r}" for part in case.needed if part not in came.data)
    first = came.answers[0] if came.answers else None
    if first is not None:
        yield from _riddles(first)
        if case.expect == "incomplete" and first.status < 400 and _looks_whole(first, came):
            yield "a truncated answer looks whole"
    if case.expect == "clean":
        if first is None or first.status != case.status:
            yield f"not {case.status}"
        elif case.body is not None and (first.body != case.body or not _looks_whole(first, came)):
            yield f"body {first.body[:40]!r}"


def _looks_whole(answer: Answer, came: Exchange) -> bool:
    return answer.complete or (answer.until_close and not came.reset)


def _riddles(answer: Answer) -> Iterator[str]:
    """What two readers could read differently."""
    head = answer.head + b"\r\n"
    if answer.status in (0, 101):
        yield f"status {answer.status}"
    if re.search(rb"(?<!\r)\n|\r(?!\n)|\0", head):
        yield "bare line end or NUL"
    if not all(re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:.*", line) for line in head[:-2].split(b"\r\n")[1:]):
        yield "malformed field"
    lengths = re.findall(rb"\r\ncontent-length:[ \t]*([^\r]*)", head, re.IGNORECASE)
    codings = re.findall(rb"\r\ntransfer-encoding:[ \t]*([^\r]*)", head, re.IGNORECASE)
    if len(lengths) + len(codings) > 1 or not all(re.fullmatch(rb"\d+", length) for length in lengths):
        yield "ambiguous framing"
