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
    bench.recorder.take()
    came = await exchange(bench.port, case.raw(bench.auth), 0 if case.incomplete else case.answers)
    canary = await _canary(bench, case.name)
    *seen, last = bench.recorder.take() or [None]
    assert last is not None, "the canary did not arrive"
    assert last.target == canary, f"the pool is poisoned: {last.line!r}"
    verdict = judge(case, seen, came, bench.secret)
    assert verdict.word == "PASS", (verdict, [request.raw[:300] for request in seen], came.data[:200])


async def _canary(bench: Bench, name: str) -> bytes:
    """A request of a client who has done nothing. All that the case sent upstream is there when this is answered."""
    target = b"/canary/" + name.encode()
    request = b"GET %b HTTP/1.1\r\n%bHost: gw.test\r\nConnection: close\r\n\r\n" % (target, bench.auth)
    came = await exchange(bench.port, [request])
    assert [answer.status for answer in came.answers] == [200], came
    assert target in came.answers[0].body, came
    return target
