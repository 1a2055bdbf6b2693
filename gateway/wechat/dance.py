"""One attempt to sign in: the `state` that goes through WeChat and the sealed cookie that stays in the browser.

Law: only the browser that holds an attempt's cookie may finish it. Starting one writes nothing on our side.
"""

import base64
import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest

from gateway.core.cookies import CookieNames
from gateway.core.return_to import shorten
from gateway.sealing import KeyedHash, Sealer

ATTEMPT_TTL = 600  # seconds; WeChat's codes live 300 (600 for website apps)
SETTLED_TTL = 60  # seconds that a finished attempt's cookie lives on, for late copies of the callback
CLOCK_SKEW = 60  # seconds that another replica's clock may be ahead
MAX_ATTEMPTS = 8  # open attempts a browser
MAX_COOKIE_BYTES = 4096  # of all our cookies in one request
MAX_CLEARED = 16  # cookies cleared in one answer; the rest go with the next

_NONCE = 16  # bytes
_MAC = 16
_NAME = 16  # hex characters of the nonce in the cookie's name
_STATE = re.compile(rf"[0-9a-f]{{{2 * (_NONCE + 1 + _MAC)}}}")

Jar = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that this browser started: `started` in Unix seconds, `restarts` before it."""

    state: str = field(repr=False)
    app: str
    return_to: str = field(repr=False)
    restarts: int
    started: int


@dataclass(frozen=True, slots=True)
class Started:
    """A new attempt: its state for WeChat and the Set-Cookie values for the browser."""

    state: str = field(repr=False)
    set_cookies: tuple[str, ...] = field(repr=False)


class Dance:
    """Starts attempts and recognises them when they come back.

    A state is hex of a nonce, a count of restarts and a MAC over both, so the count survives a browser that
    loses its cookies; WeChat allows [a-zA-Z0-9]{0,128}.
    """

    def __init__(
        self,
        sealer: Sealer,
        macs: KeyedHash,
        cookies: CookieNames,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._sealer = sealer
        self._macs = macs
        self._cookies = cookies
        self._random = random
        self._login_name = re.compile(rf"{re.escape(cookies.login_prefix)}[0-9a-f]{{{_NAME}}}")

    def start(self, app: str, return_to: str, jar: Jar, now: int, restarts: int = 0) -> Started:
        """Begin an attempt that ends at `return_to`, a safe target on our own origin.

        Of the attempts already in `jar` the oldest are cleared, so that our cookies stay within 4 KB.
        """
        body = self._random(_NONCE) + bytes([restarts])
        state = (body + self._macs_of(body)[0]).hex()
        name = self._name(state)
        content = {"state": state, "app": app, "return_to": shorten(return_to), "started": now}
        value = self._sealer.seal(json.dumps(content, separators=(",", ":")).encode(), now=now)
        cleared = self._surplus(jar, room=MAX_COOKIE_BYTES - _size(name, value))
        return Started(
            state,
            (
                self._cookies.set_cookie(name, value, ATTEMPT_TTL),
                *(self._cookies.clear_cookie(old) for old in cleared[:MAX_CLEARED]),
            ),
        )

    def find(self, state: str, jar: Jar, now: int) -> Attempt | None:
        """The attempt of this state, if this browser started it within the last ten minutes."""
        for _, attempt in self._cookies_of(state, jar):
            if -CLOCK_SKEW <= now - attempt.started <= ATTEMPT_TTL:
                return attempt
        return None

    def restarts(self, state: str) -> int | None:
        """How often the dance was restarted before this state; None if we did not make this state."""
        if not _STATE.fullmatch(state):
            return None
        raw = bytes.fromhex(state)
        body, mac = raw[: _NONCE + 1], raw[_NONCE + 1 :]
        return body[-1] if any(compare_digest(mac, known) for known in self._macs_of(body)) else None

    def settled(self, state: str, jar: Jar) -> str | None:
        """The Set-Cookie that keeps a finished attempt's cookie for a minute more; None if it is not in the jar."""
        for value, _ in self._cookies_of(state, jar):
            return self._cookies.set_cookie(self._name(state), value, SETTLED_TTL)
        return None

    def _cookies_of(self, state: str, jar: Jar) -> Iterator[tuple[str, Attempt]]:
        """Every cookie that was sealed for this state. A sibling domain may have planted others of the same name."""
        if self.restarts(state) is None:
            return
        name = self._name(state)
        for key, value in jar:
            if key == name and (attempt := self._open(value)) and compare_digest(attempt.state, state):
                yield value, attempt

    def _open(self, value: str) -> Attempt | None:
        if (content := self._sealer.open(value)) is None:
            return None
        try:
            fields = json.loads(content)
            state = fields["state"]
            restarts = bytes.fromhex(state)[_NONCE]
            return Attempt(state, fields["app"], fields["return_to"], restarts, int(fields["started"]))
        except (ValueError, LookupError, TypeError):  # sealed by another version of this program
            return None

    def _surplus(self, jar: Jar, room: int) -> list[str]:
        """The names to clear: unreadable ones first, then the oldest, until the rest fits beside a new attempt."""
        attempts: list[tuple[int, str, int]] = []
        for name, value in jar:
            if name == self._cookies.session:
                room -= _size(name, value)
            elif self._login_name.fullmatch(name):
                attempt = self._open(value)
                attempts.append((attempt.started if attempt else -1, name, _size(name, value)))
        attempts.sort(reverse=True)
        kept: set[str] = set()
        surplus: list[str] = []
        for started, name, size in attempts:
            room -= size
            if name in kept:
                continue  # a duplicate that a sibling domain planted: clearing it would clear the good one
            if started < 0 or room < 0 or len(kept) == MAX_ATTEMPTS - 1:
                surplus.append(name)
            else:
                kept.add(name)
        return list(dict.fromkeys(reversed(surplus)))

    def _name(self, state: str) -> str:
        return self._cookies.login_prefix + state[:_NAME]

    def _macs_of(self, body: bytes) -> list[bytes]:
        return [base64.urlsafe_b64decode(name + "=")[:_MAC] for name in self._macs.names("state", body.hex())]


def _size(name: str, value: str) -> int:
    return len(name) + len(value) + 3  # as in a Cookie header: "name=value; "
