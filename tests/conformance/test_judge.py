"""The judge can say no: bytes that a careless proxy passes on are seen, those of sane requests are not."""

import pytest

from .cases import RequestCase, request_cases
from .client import Answer, Exchange, final
from .http1 import parse, parse_all
from .judge import Outcome, Verdict, judge
from .readings import only_below_public

CASES = [*request_cases("requests.jsonl"), *request_cases("own_requests.jsonl")]
COOKIE = b"Cookie: gateway_session=secret\r\n"
ANSWERED = Exchange(b"", [Answer(200, b"HTTP/1.1 200 OK", b"", complete=True)], ended=True)


def passed_on(case: RequestCase) -> Verdict:
    """The verdict on a proxy that hands every byte through."""
    return judge(case, parse_all(b"".join(case.raw(b""))), ANSWERED, "secret")


def test_a_proxy_that_passes_everything_on_is_caught() -> None:
    """No case that must be refused passes when it is handed through."""
    hostile = [case for case in CASES if case.expect == "reject"]
    assert len(hostile) > 250
    assert [case.name for case in hostile if passed_on(case).word == "PASS"] == []


def test_sane_requests_are_no_violations() -> None:
    """Handed through, sane requests of HTTP/1.1 pass: the judge sees nothing where nothing is."""
    sane = [case for case in CASES if case.category == "sane" and b"HTTP/1.0" not in case.segments[0]]
    assert len(sane) > 150
    assert {case.name: faults for case in sane if (faults := passed_on(case).faults)} == {}


def test_most_holes_are_seen() -> None:
    """Of the cases that may be repaired, handed through, the judge catches those with a riddle in them."""
    caught = {case.name for case in CASES if case.expect == "no-ambiguity" and passed_on(case).word == "FAIL"}
    assert {
        "cl-dup-same",
        "clte-smuggle",
        "te-http10-alone",
        "rl-all-lf",
        "hd-obs-fold",
        "id-lower",
        "own-abs-differs",
    } <= caught


def test_outcomes() -> None:
    """A forward that did not arrive fails, and so do a hang, garbage and a 500; a refusal of the hostile passes."""
    by_name = {case.name: case for case in CASES}
    sane, hostile = by_name["ok-target-plain"], by_name["te-xchunked"]
    refused = Exchange(b"HTTP", [Answer(400, b"HTTP/1.1 400 Bad Request", b"", complete=True)], ended=True)
    failed = Exchange(b"HTTP", [Answer(500, b"HTTP/1.1 500 X", b"", complete=True)], ended=True)
    assert judge(sane, [], refused, "secret") == Verdict("FAIL", Outcome.REFUSED)
    assert judge(hostile, [], refused, "secret") == Verdict("PASS", Outcome.REFUSED)
    assert judge(hostile, [], failed, "secret").word == "FAIL"
    assert judge(hostile, [], Exchange(b"", [], ended=False), "secret") == Verdict("FAIL", Outcome.HUNG)
    assert judge(hostile, [], Exchange(b"?", [], ended=True), "secret") == Verdict("FAIL", Outcome.GARBAGE)
    arrived = parse(b"GET /c/ok HTTP/1.1\r\nHost: gw.test\r\n\r\n")
    assert judge(sane, [arrived], ANSWERED, "secret") == Verdict("PASS", Outcome.CLEAN)
    assert judge(hostile, [arrived], ANSWERED, "secret") == Verdict("LENIENT", Outcome.CLEAN)
    leaking = parse(b"GET /c/ok HTTP/1.1\r\nHost: gw.test\r\nX: secret\r\n\r\n")
    assert judge(sane, [leaking], ANSWERED, "secret").word == "FAIL"


def test_the_end_of_a_chunked_body_is_where_it_is() -> None:
    """What lies behind a message is another one; a message without its end is incomplete."""
    first = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    one, other = parse_all(first + b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (one.body, one.complete, one.raw) == (b"hello", True, first)
    assert other.line == b"GET /x HTTP/1.1"
    for cut in range(1, len(first)):
        request = parse(first[:cut])
        assert not request.complete
        assert not request.violations or not request.headed


@pytest.mark.parametrize(
    ("target", "safe"),
    [
        ("/public/a?x=/../admin", True),
        ("/public", True),
        ("/public/%E4%B8%AD;v=1//b%2Fc", True),
        ("/public/../admin", False),
        ("/public/%252e%252e%2Fadmin", False),
        ("/public/..;/admin", False),
        ("/public%2f..%5cadmin", False),
        ("/public/%c0%ae%c0%ae/admin", False),
        ("/publicity", False),
        ("/admin;/public/", False),
    ],
)
def test_readings(target: str, safe: bool) -> None:
    """A path is below /public if nobody reads it otherwise."""
    assert only_below_public(target) is safe


def test_answers_are_told_apart() -> None:
    """Interim answers do not count, an unfinished one is not complete, bytes that are none have status 0."""
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    assert [(answer.status, answer.body) for answer in final(data + b"HTTP/1.1 404", b"GET")] == [(200, b"ok")]
    assert [answer.complete for answer in final(data[:-1], b"GET")] == [False]
    assert [answer.status for answer in final(b"<html>", b"GET")] == [0]
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    assert [(answer.body, answer.complete) for answer in final(chunked, b"GET")] == [(b"ok", True)]
    assert not final(chunked[:-2], b"GET")[0].complete
