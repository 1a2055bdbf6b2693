"""Changes to HTTP messages that matter to somebody's parser."""

import random
from collections.abc import Callable, Sequence

TOKENS = [
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"\0", b"\t", b" ", b"  ", b"\x0b", b"\x0c", b"\x7f", b"\xa0"),
    *(b":", b";", b",", b"=", b'"', b"'", b"\\", b"_", b"-", b".", b"/", b"?", b"#", b"@", b"%", b"\xff", b"\xc0\xaf"),
    *(b"X-User", b"x_user", b"X.User", b"x-user ", b"X-User-Name", b"X_User_Name: root", b"X-User: forged\r\n"),
    *(b"Content-Length", b"Content_Length", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"chunked"),
    *(b"Connection: close, X-User\r\n", b"Connection: Host\r\n", b"Connection: cookie\r\n", b"Upgrade: websocket\r\n"),
    *(b"Host: gw.test\r\n", b"Host: evil\r\n", b"Expect: 100-continue\r\n", b"TE: trailers\r\n", b"Proxy: http://x\r\n"),
    *(b"Cookie: a=b\r\n", b"gateway_session=", b"__Host-gateway_session=", b"GATEWAY_SESSION=", b"gateway_login_x=1"),
    *(b"Set-Cookie: gateway_session=x\r\n", b"Set-Cookie: =gateway_session=x\r\n", b"$Version=1; ", b'="; gateway_'),
    *(b"X-Forwarded-For: 6.6.6.6\r\n", b"X_Forwarded_For: 6.6.6.6\r\n", b"Forwarded: for=6.6.6.6\r\n"),
    *(b"GET ", b"POST ", b"HEAD ", b"OPTIONS ", b"CONNECT ", b" HTTP/1.1", b" HTTP/1.0", b" HTTP/0.9", b" HTTP/2.0"),
    *(b"http://gw.test", b"HTTP://GW.TEST/", b"//", b"/./", b"/../", b"%2e%2e", b"%2f", b"%5c", b"%00", b"%252e"),
    *(b"/public", b"/PUBLIC", b"/public/", b"/public%2f..", b"/old/", b"..;/", b"%u002f", b"%c0%ae", b"\xef\xbc\x8f"),
    *(b"0\r\n\r\n", b"5\r\nhello\r\n", b"5;a=b\r\n", b"0x5", b"+5", b"-1", b"ffffffffffffffff"),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 204 No\r\n", b"HTTP/1.1 304 No\r\n", b"HTTP/1.1 101 S\r\n", b"Location: http://"),
]  # fmt: skip


class Mutator:
    """Makes new inputs of old ones. `others` are what it splices with."""

    def __init__(self, others: Sequence[bytes], rng: random.Random) -> None:
        self._others = others
        self._rng = rng
        self._changes: list[Callable[[bytes], bytes]] = [
            self._flip,
            self._remove,
            self._repeat,
            self._insert,
            self._insert,
            self._overwrite,
            self._splice,
            self._recase,
            self._respell,
            self._with_lines,
            self._with_lines,
        ]

    def mutate(self, data: bytes) -> bytes:
        """One to five changes, mostly few."""
        for _ in range(1 + int(self._rng.random() ** 2 * 5)):
            data = self._rng.choice(self._changes)(data)
        return data

    def _place(self, data: bytes) -> int:
        return self._rng.randrange(len(data) + 1)

    def _range(self, data: bytes) -> tuple[int, int]:
        start = self._place(data)
        return start, min(len(data), start + 1 + int(self._rng.random() ** 3 * 64))

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return data
        place = self._rng.randrange(len(data))
        new = data[place] ^ (1 << self._rng.randrange(8)) if self._rng.random() < 0.7 else self._rng.randrange(256)
        return data[:place] + bytes([new]) + data[place + 1 :]

    def _remove(self, data: bytes) -> bytes:
        start, end = self._range(data)
        return data[:start] + data[end:]

    def _repeat(self, data: bytes) -> bytes:
        start, end = self._range(data)
        times = 2 if self._rng.random() < 0.9 else self._rng.randrange(300)
        return data[:start] + data[start:end] * times + data[end:]

    def _insert(self, data: bytes) -> bytes:
        place = self._place(data)
        return data[:place] + self._rng.choice(TOKENS) + data[place:]

    def _overwrite(self, data: bytes) -> bytes:
        start, end = self._range(data)
        return data[:start] + self._rng.choice(TOKENS) + data[end:]

    def _splice(self, data: bytes) -> bytes:
        other = self._rng.choice(self._others)
        return data[: self._place(data)] + other[self._place(other) :]

    def _recase(self, data: bytes) -> bytes:
        start, end = self._range(data)
        return data[:start] + data[start:end].swapcase() + data[end:]

    def _respell(self, data: bytes) -> bytes:
        old, new = self._rng.choice(
            [(b"-", b"_"), (b"-", b"."), (b": ", b":"), (b": ", b" :"), (b" ", b"\t"), (b"/", b"%2f")]
        )
        place = data.find(old, self._place(data))
        return data if place < 0 else data[:place] + new + data[place + len(old) :]

    def _with_lines(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        one, two = self._rng.randrange(len(lines)), self._rng.randrange(len(lines))
        kind = self._rng.randrange(4)
        if kind == 0:
            lines.insert(two, lines[one])
        elif kind == 1:
            lines[one], lines[two] = lines[two], lines[one]
        elif kind == 2:
            del lines[one]
        else:
            others = self._rng.choice(self._others).split(b"\r\n")
            lines.insert(one, self._rng.choice(others))
        return b"\r\n".join(lines)
