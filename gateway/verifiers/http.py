"""The legacy system's answers over HTTP: is the password right, whose phone is this, send this code.

Requests are JSON by POST. With a secret they are signed: `X-Gateway-Signature` is the hex HMAC-SHA256 of the text of
`X-Gateway-Timestamp` (Unix seconds) followed by the body.
"""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from .calls import OnCall, measured, unheard
from .hook import BindEvent
from .interface import SenderRefused, User, VerifierOutage
from .names import folded
from .posting import Poster, Reply
from .user_id import checked_claims, checked_user_id

_Answer = TypeVar("_Answer")

log = logging.getLogger(__name__)


class _Endpoint:
    """POSTs to one `url`, signed if there is a `secret`, with a `timeout` in seconds; redirects are not followed.

    A call is never repeated: the legacy system may count wrong passwords, and every SMS costs money.
    `on_call` hears of each; an outage is in the log, too.
    `clock` gives Unix seconds for the signature.
    """

    _kind: ClassVar[str]

    def __init__(
        self,
        url: str,
        secret: bytes | None = None,
        timeout: float = 5.0,
        *,
        on_call: OnCall = unheard,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._secret = secret
        self._poster = Poster(timeout)
        self._on_call = on_call
        self._clock = clock

    async def close(self) -> None:
        """Release connections; idempotent."""
        await self._poster.close()

    async def _call(self, document: dict[str, Any], read: Callable[[Reply], tuple[str, _Answer]]) -> _Answer:
        """POST `document`; `read` makes the outcome's word and the answer of the reply, or raises."""
        body = json.dumps(document, separators=(",", ":")).encode()
        with measured(self._on_call, self._kind) as call:
            try:
                call.outcome, answer = read(await self._poster.post(self._url, self._headers(body), body))
                return answer
            except SenderRefused as refused:
                call.outcome = refused.outcome
                raise
            except VerifierOutage as error:
                log.warning("%s over http: %s", self._kind, error)
                raise

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._secret is None:
            return headers
        timestamp = str(int(self._clock()))
        signature = hmac.new(self._secret, timestamp.encode() + body, hashlib.sha256).hexdigest()
        return headers | {"X-Gateway-Timestamp": timestamp, "X-Gateway-Signature": signature}


class HttpPasswordVerifier(_Endpoint):
    """A PasswordVerifier: 200 is the user, 401 and 403 are a "no", whatever else is an outage."""

    _kind = "password"

    def canonical(self, username: str) -> str:
        """Folded, as nobody knows what names the system takes for one."""
        return folded(username)

    async def verify(self, username: str, password: str) -> User | None:
        """Ask with `{"username","password"}`."""
        return await self._call({"username": username, "password": password}, _user_unless(401, 403))


class HttpPhoneResolver(_Endpoint):
    """A PhoneResolver: 200 is the user, 404 is nobody, whatever else is an outage."""

    _kind = "phone"

    async def resolve(self, phone: str) -> User | None:
        """Ask with `{"phone"}`."""
        return await self._call({"phone": phone}, _user_unless(404))


class HttpSmsSender(_Endpoint):
    """An SmsSender: 2xx is sent, 429 is refused (with its Retry-After in seconds), whatever else is an outage."""

    _kind = "sms"

    async def send(self, phone: str, code: str, ttl: int) -> None:
        """Ask with `{"phone","code","ttl"}`."""
        await self._call({"phone": phone, "code": code, "ttl": ttl}, _sent)


class HttpHook(_Endpoint):
    """Tells the legacy system what happened here: 2xx is heard, whatever else is an outage."""

    _kind = "hook"

    async def tell(self, event: BindEvent) -> None:
        """Post it once. Who repeats it does so under its `id`."""
        await self._call(event.document(), _heard)


def _heard(reply: Reply) -> tuple[str, None]:
    if 200 <= reply.status < 300:
        return "ok", None
    raise VerifierOutage(f"HTTP status {reply.status}")


def _sent(reply: Reply) -> tuple[str, None]:
    if reply.status == 429:
        raise SenderRefused("HTTP status 429", retry_after=reply.retry_after)
    if not 200 <= reply.status < 300:
        raise VerifierOutage(f"HTTP status {reply.status}")
    return "ok", None


def _user_unless(*no: int) -> Callable[[Reply], tuple[str, User | None]]:
    def read(reply: Reply) -> tuple[str, User | None]:
        if reply.status in no:
            return "no", None
        if reply.status != 200:
            raise VerifierOutage(f"HTTP status {reply.status}")
        return "ok", _user(reply.body)

    return read


def _user(body: bytes) -> User:
    """The user in `{"user_id":…,"claims":{…}}`. Whatever is not exactly that names nobody."""
    try:
        document = json.loads(body, object_pairs_hook=_unique)
        if not isinstance(document, dict):
            raise ValueError("the reply is not a JSON object")
        return User(checked_user_id(document.get("user_id")), checked_claims(document.get("claims")))
    except json.JSONDecodeError:
        raise VerifierOutage("the reply is not JSON") from None
    except UnicodeDecodeError:
        raise VerifierOutage("the reply is not UTF-8") from None
    except RecursionError:
        raise VerifierOutage("the reply is nested too deep") from None
    except ValueError as error:
        raise VerifierOutage(str(error)) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) < len(pairs):
        raise ValueError("the reply has duplicate keys")
    return members
