"""The conformance cases: raw bytes, and what a careful proxy does with them. Schema: data/README.md."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
AUTH = b"@@AUTH@@"  # stands for whole header lines that sign the client in


@dataclass(frozen=True)
class RequestCase:
    """One hostile, odd or sane request. All values are those of the data, decoded."""

    name: str
    category: str
    expect: str  # reject · no-ambiguity · forward · either
    segments: tuple[bytes, ...]
    signed_in: bool
    incomplete: bool  # what is sent never becomes a whole message
    max_requests: int
    answers: int  # how many answers the client waits for
    garbage_ok: bool
    forbidden: tuple[bytes, ...]  # never in a request line upstream
    forbidden_fields: tuple[tuple[str, str], ...]  # (folded name, part of a value), never upstream
    forbidden_answers: tuple[bytes, ...]
    needed_field: tuple[str, str] | None  # lower-case name, exact value
    needed_part: tuple[str, str] | None  # lower-case name, part of a value
    identity: bool  # X-User: exactly one, and it is ours
    zone: bool  # without a session, only what everybody reads as below /public may pass
    host_agrees: bool
    target: str | None
    body: bytes | None

    def raw(self, auth: bytes) -> list[bytes]:
        """The segments as they are sent, signed in by the lines `auth`."""
        return [segment.replace(AUTH, auth if self.signed_in else b"") for segment in self.segments]

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ResponseCase:
    """One answer of an upstream. `parts` are bytes and pauses in seconds."""

    name: str
    expect: str  # bad · clean · incomplete · either
    parts: tuple[bytes | float, ...]
    closes: bool
    method: str
    status: int | None
    body: bytes | None
    forbidden: tuple[bytes, ...]
    needed: tuple[bytes, ...]

    def __repr__(self) -> str:
        return self.name


def request_cases(file: str) -> list[RequestCase]:
    """All cases of one file of requests."""
    return [_request(row) for row in _rows(file)]


def response_cases(file: str) -> list[ResponseCase]:
    """All cases of one file of responses."""
    return [_response(row) for row in _rows(file)]


def _rows(file: str) -> Iterator[dict[str, Any]]:
    with (DATA / file).open(encoding="ascii") as lines:
        yield from map(json.loads, lines)


def _request(row: dict[str, Any]) -> RequestCase:
    fields = [*row.get("forbid_hdr", ()), *row.get("forbid_hdr_warn", ())]
    return RequestCase(
        name=row["name"],
        category=row["cat"],
        expect=row["expect"],
        segments=tuple(map(base64.b64decode, row.get("segs") or [row["raw"]])),
        signed_in=not row.get("noauth"),
        incomplete=bool(row.get("incomplete")),
        max_requests=row.get("max_reqs", row.get("exp_reqs", 1)),
        answers=row.get("exp_reqs", 1),
        garbage_ok=bool(row.get("garbage_ok")),
        forbidden=tuple(_latin(row.get("forbid", ()))),
        forbidden_fields=tuple((name, part) for name, part in fields),
        forbidden_answers=tuple(_latin(row.get("forbid_resp", ()))),
        needed_field=_pair(row.get("need_header")),
        needed_part=_pair(row.get("need_header_sub")),
        identity=bool(row.get("identity")) and not row.get("noauth"),
        zone="zone" in row,
        host_agrees=bool(row.get("host_agree")),
        target=row.get("exp_target"),
        body=base64.b64decode(row["exp_body"]) if "exp_body" in row else None,
    )


def _response(row: dict[str, Any]) -> ResponseCase:
    return ResponseCase(
        name=row["name"],
        expect=row["expect"],
        parts=tuple(base64.b64decode(part) if isinstance(part, str) else float(part) for part in row["raw"]),
        closes=row["close"],
        method=row["method"],
        status=row["status"],
        body=None if row["body"] is None else base64.b64decode(row["body"]),
        forbidden=tuple(_latin(row["forbid"])),
        needed=tuple(_latin(row["need"])),
    )


def _latin(texts: list[str]) -> Iterator[bytes]:
    return (text.encode("latin-1") for text in texts)


def _pair(value: list[str] | None) -> tuple[str, str] | None:
    return None if value is None else (value[0], value[1])
