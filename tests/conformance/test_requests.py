"""Every request case arrives strictly valid, or not at all; and the next request on any connection is untouched."""

import pytest

from .cases import RequestCase, request_cases
from .client import exchange
from .conftest import Bench
from .judge import judge

pytestmark = pytest.mark.asyncio(loop_scope="module")

GIVEN = request_cases("requests.jsonl")
OWN = request_cases("own_requests.jsonl")


@pytest.mark.parametrize("case", [*GIVEN, *OWN], ids=repr)
async def test_request(bench: Bench, case: RequestCase) -> None:
    """No hole and no leniency; what is sane is forwarded unchanged; then a canary finds nothing poisoned."""
    if bench.fast and (tame := _tame(b"".join(case.raw(bench.auth)))):
        await exchange(bench.port, [tame], 0)
    bench.recorder.take()
    came = await exchange(bench.port, case.raw(bench.auth), 0 if case.incomplete else case.answers)
    canary = await _canary(bench, case.name)
    seen = bench.recorder.take()
    canaries = [request for request in seen if request.target == canary]
    assert [request.violations for request in canaries] == [[]], f"the pool is poisoned: {seen}"
    seen.remove(canaries[0])
    verdict = judge(case, seen, came, bench.secret)
    assert verdict.word == "PASS", (verdict, [request.raw[:300] for request in seen], came.data[:200])


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_a_body_of_two_megabytes_arrives(bench: Bench, chunked: bool) -> None:
    """Byte for byte, in either framing."""
    body = bytes(range(256)) * 8192
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    head = b"POST /c/large HTTP/1.1\r\n%bHost: gw.test\r\n%b\r\n\r\n" % (bench.auth, framing)
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    bench.recorder.take()
    came = await exchange(bench.port, [head + sent])
    [seen] = bench.recorder.take()
    assert [answer.status for answer in came.answers] == [200]
    assert seen.violations == []
    assert seen.body == body


def _tame(raw: bytes) -> bytes | None:
    """The same fields under a harmless request line: the wire may remember them, for better or worse."""
    fields, end, _ = raw[raw.find(b"\r\n") :].partition(b"\r\n\r\n")
    return b"GET /public/tame HTTP/1.1" + fields + end if end else None


async def _canary(bench: Bench, name: str) -> bytes:
    """A request of a client who has done nothing. All that the case sent upstream is there when this is answered."""
    target = b"/canary/" + name.encode()
    request = b"GET %b HTTP/1.1\r\n%bHost: gw.test\r\nConnection: close\r\n\r\n" % (target, bench.auth)
    came = await exchange(bench.port, [request])
    assert [answer.status for answer in came.answers] == [200], came
    assert target in came.answers[0].body, came
    return target
