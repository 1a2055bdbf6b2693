"""Whole requests, changed at random, through real sockets: what goes upstream is ours or nobody's.

A session's cookie is in half of them; a strict upstream keeps every byte.
"""

import asyncio
import contextlib
import logging
import random
import time

import pytest

from tests.conformance.client import Answer, final
from tests.conformance.conftest import Bench, bench, pytest_asyncio_loop_factories  # noqa: F401 - fixtures
from tests.conformance.http1 import Request

from . import corpus
from .engine import SECONDS, SEED
from .mutation import Mutator

pytestmark = pytest.mark.asyncio(loop_scope="module")
AT_ONCE = 24
PATIENCE = 15.0  # seconds: longer than any time-out of the gateway's here
STATUSES = {200, 302, 400, 401, 403, 404, 405, 408, 413, 414, 417, 421, 431, 502, 504, 505}


def wrong_with(request: Request, secret: str) -> list[str]:
    """What an upstream must never see."""
    tokens = request.all("x-user")
    spellings = [name for name, _ in request.fields if name.lower().replace("_", "-").replace(".", "-") == "x-user"]
    wrong = list(request.violations)
    if len(spellings) > 1 or len(tokens) != len(spellings):
        wrong.append("more than one identity")
    if any(token.count(".") != 2 or not token.startswith("eyJ") for token in tokens):
        wrong.append("an identity that is not ours")
    path = request.target.partition(b"?")[0]
    public = path == b"/public" or path.startswith(b"/public/")  # what others might read so was refused
    if request.headed and public == bool(tokens):
        wrong.append("identity on a public route" if public else "no identity on a bound route")
    if secret.encode() in request.raw.partition(b"\r\n\r\n")[0]:  # a body is the client's own
        wrong.append("the session's secret")
    return wrong


async def exchanged(port: int, pieces: list[bytes]) -> list[Answer]:
    """Say the pieces, wait a little for an answer, then say that this was all: from then on there must be an end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    data = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.002)
        with contextlib.suppress(TimeoutError):
            data = await asyncio.wait_for(reader.read(1 << 16), 0.05)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            data += await reader.read()
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
    return final(data, pieces[0].lstrip(b"\r\n").partition(b" ")[0])


async def talked(bench: Bench, mutator: Mutator, rng: random.Random) -> bytes:  # noqa: F811
    """One changed request, in one piece or several; raises if the answers are not what they may be."""
    cookie = b"Cookie: a=1; gateway_session=%b\r\n" % bench.secret.encode()
    data = mutator.mutate(rng.choice(corpus.requests()))
    if data.startswith(b"CONNECT"):
        return data
    raw = data.replace(corpus.AUTH, cookie if rng.random() < 0.5 else corpus.AUTH)
    cuts = sorted(rng.randrange(1, len(raw)) for _ in range(rng.choice([0, 0, 1, 3]))) if len(raw) > 1 else []
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    answers = await exchanged(bench.port, [piece for piece in pieces if piece] or [b"\r\n"])
    assert {answer.status for answer in answers} - {0, -1} <= STATUSES, ([each.status for each in answers], raw)
    assert not any(corpus.SECRET in answer.head for answer in answers)
    return raw


async def test_no_changed_request_breaks_what_an_upstream_may_rely_on(
    bench: Bench,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One identity, ours, where the route says so; strict HTTP; no secret; no 500; nothing hangs; no exception."""
    rng = random.Random(SEED)
    mutator = Mutator(corpus.requests(), rng)
    deadline = time.monotonic() + max(SECONDS * 0.2, 2)
    sent = 0
    with caplog.at_level(logging.ERROR):
        while time.monotonic() < deadline:
            raws = await asyncio.gather(*(talked(bench, mutator, rng) for _ in range(AT_ONCE)))
            sent += len(raws)
            for request in bench.recorder.take():
                assert wrong_with(request, bench.secret) == [], (SEED, request.raw)
            assert [record for record in caplog.records if record.levelno >= logging.ERROR] == [], (SEED, raws)
    print(f"sockets: {sent} inputs; FUZZ_SEED={SEED}")
