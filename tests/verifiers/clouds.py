"""Two painted clouds on real sockets. Each judges signatures by a reading of the documents of its own."""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web
from aiohttp.test_utils import TestServer

KEY_ID = "LTAI5tCANARYKEYID0"
SECRET = "c4nary5ecretOfTheAccount424242"
NOW = 1_800_000_000

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode("utf-8"), "sha256").digest()


def _hex(data: bytes) -> str:
    return hashlib.new("sha256", data).hexdigest()


def signed_text(method: str, raw_path: str, headers: Mapping[str, str], names: str, body: bytes) -> str:
    """The canonical request, rebuilt from what arrived. Parameters are decoded and encoded again, byte by byte."""
    path, _, query = raw_path.partition("?")
    safe = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"

    def encoded(text: str) -> str:
        return "".join(chr(byte) if byte in safe else f"%{byte:02X}" for byte in text.encode())

    pairs = sorted((encoded(name), encoded(value)) for name, value in parse_qsl(query, keep_blank_values=True))
    text = f"{method}\n{unquote(path)}\n" + "&".join(f"{name}={value}" for name, value in pairs) + "\n"
    for name in names.split(";"):
        text += f"{name}:{headers[name].strip()}\n"
    return f"{text}\n{names}\n{_hex(body)}"


def acs3(secret: str, text: str) -> str:
    """Aliyun's signature of a canonical request."""
    return _mac(secret.encode(), "ACS3-HMAC-SHA256\n" + _hex(text.encode())).hex()


def tc3(secret: str, text: str, service: str, timestamp: int) -> str:
    """Tencent's signature of a canonical request."""
    day = datetime.fromtimestamp(timestamp, UTC).date().isoformat()
    key = _mac(_mac(_mac(f"TC3{secret}".encode(), day), service), "tc3_request")
    return _mac(key, f"TC3-HMAC-SHA256\n{timestamp}\n{day}/{service}/tc3_request\n{_hex(text.encode())}").hex()


class Cloud:
    """Answers as its vendor does: what is not rightly signed is refused, then what the test says. `sent`: messages."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.requests = 0
        self.script: Answer | None = None
        self.clock: Callable[[], float] = lambda: NOW
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", self._serve)
        self.server = TestServer(app, host="127.0.0.1")

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        body = await request.read()
        if (code := self.judged(request, body)) != self.fine:
            return web.json_response(self.error(code), status=400)
        if self.script is not None:
            return await self.script(request)
        return web.json_response(self.success())

    fine = ""

    def judged(self, request: web.Request, body: bytes) -> str:
        raise NotImplementedError

    def error(self, code: str) -> Any:
        raise NotImplementedError

    def success(self) -> Any:
        raise NotImplementedError

    def says(self, code: str, status: int = 200) -> None:
        """From now on every message is answered with `code`, in a sentence that quotes the phone."""

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response(self.error(code), status=status)

        self.script = answer


class PaintedAliyun(Cloud):
    """dysmsapi.aliyuncs.com."""

    def __init__(self) -> None:
        super().__init__()
        self.nonces: set[str] = set()

    def judged(self, request: web.Request, body: bytes) -> str:
        fields = {name.lower(): value for name, value in request.headers.items()}
        given = re.fullmatch(
            r"ACS3-HMAC-SHA256 Credential=(\w+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})",
            fields.get("authorization", ""),
        )
        if not given or given[1] != KEY_ID:
            return "InvalidAccessKeyId.NotFound"
        names = given[2]
        if names != ";".join(sorted(name for name in fields if name == "host" or name.startswith("x-acs-"))):
            return "IncompleteSignature"
        text = signed_text(request.method, request.raw_path, fields, names, body)
        if given[3] != acs3(SECRET, text) or fields["x-acs-content-sha256"] != _hex(body):
            return "SignatureDoesNotMatch"
        if abs(datetime.strptime(fields["x-acs-date"], "%Y-%m-%dT%H:%M:%S%z").timestamp() - self.clock()) > 900:
            return "InvalidTimeStamp.Expired"
        if fields["x-acs-signature-nonce"] in self.nonces:
            return "SignatureNonceUsed"
        self.nonces.add(fields["x-acs-signature-nonce"])
        if (fields["x-acs-action"], fields["x-acs-version"]) != ("SendSms", "2017-05-25"):
            return "InvalidAction.NotFound"
        self.sent.append(dict(request.query))
        return self.fine

    def error(self, code: str) -> Any:
        return {"Code": code, "Message": "no message to 13800138000", "RequestId": "CANARY"}

    def success(self) -> Any:
        return {"Message": "OK", "RequestId": "R", "Code": "OK", "BizId": "B"}


class PaintedTencent(Cloud):
    """sms.tencentcloudapi.com."""

    def judged(self, request: web.Request, body: bytes) -> str:
        fields = {name.lower(): value for name, value in request.headers.items()}
        given = re.fullmatch(
            r"TC3-HMAC-SHA256 Credential=(\w+)/([0-9-]{10})/sms/tc3_request, "
            r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
            fields.get("authorization", ""),
        )
        if not given or given[1] != KEY_ID:
            return "AuthFailure.SecretIdNotFound"
        timestamp = int(fields["x-tc-timestamp"])
        day = datetime.fromtimestamp(timestamp, UTC).date().isoformat()
        if not {"content-type", "host"} <= set(given[3].split(";")) or given[2] != day:
            return "AuthFailure.InvalidAuthorization"
        if abs(timestamp - self.clock()) > 300:
            return "AuthFailure.SignatureExpire"
        text = signed_text(request.method, request.raw_path, fields, given[3], body)
        if given[4] != tc3(SECRET, text, "sms", timestamp):
            return "AuthFailure.SignatureFailure"
        if (fields["x-tc-action"], fields["x-tc-version"]) != ("SendSms", "2021-01-11") or "x-tc-region" not in fields:
            return "InvalidAction"
        self.sent.append(json.loads(body) | {"region": fields["x-tc-region"]})
        return self.fine

    def error(self, code: str) -> Any:
        """An error of the whole request; those of one number come in its status."""
        if code.startswith(("AuthFailure", "InternalError", "RequestLimit", "InvalidAction", "Unauthorized")):
            return {"Response": {"Error": {"Code": code, "Message": "no message to 13800138000"}, "RequestId": "R"}}
        return self._status(code)

    def success(self) -> Any:
        return self._status("Ok")

    def _status(self, code: str) -> Any:
        status = {"SerialNo": "", "PhoneNumber": "+8613800138000", "Fee": 0, "Code": code, "Message": "to 13800138000"}
        return {"Response": {"SendStatusSet": [status], "RequestId": "R"}}
