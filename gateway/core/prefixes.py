"""An application that believes to live elsewhere: public paths become the upstream's, and what it answers ours again.

Law: a changed target is never one that readers could disagree on, and a changed reference never names another host.
"""

import re
from dataclasses import dataclass

from .errors import GatewayError
from .reasons import Reason
from .target import parse_target

# What a browser takes for a host: it drops tabs and reads a backslash as a slash (WHATWG URL, 4.4).
_NETWORK_PATH = re.compile(rb"/\t*[/\\]")
_PATH_ATTRIBUTE = re.compile(rb"([ \t]*path[ \t]*=[ \t]*)(/.*?)([ \t]*)", re.IGNORECASE)
_REFRESH = re.compile(rb"([0-9.]*[ \t]*[;,][ \t]*url[ \t]*=[ \t]*['\"]?)(.*)", re.IGNORECASE)


def split_refresh(value: bytes) -> tuple[bytes, bytes]:
    """A Refresh field as what stands before its URL, and the URL with what follows; without a URL, all and nothing."""
    match = _REFRESH.fullmatch(value)
    return (match[1], match[2]) if match is not None else (value, b"")


@dataclass(frozen=True, slots=True)
class Prefixes:
    """`strip` is taken off the public path and `add` put before the rest; each is "" or a clean path as /app.

    `reserved` is where the gateway's own pages are: a reference to them is public already.
    """

    strip: bytes
    add: bytes
    reserved: bytes

    def upstream_target(self, raw: bytes) -> bytes:
        """The target for the upstream, but for the prefix byte for byte. GatewayError 400 for one that is unsafe."""
        rest = _below(raw, self.strip)
        if rest is None:
            raise GatewayError(400, Reason.AMBIGUOUS_TARGET, "the prefix to strip is spelled otherwise")
        target = self.add + rest
        if not target.startswith(b"/"):
            target = b"/" + target
        try:
            parse_target(target)
        except GatewayError as error:
            raise GatewayError(400, Reason.AMBIGUOUS_TARGET, f"without its prefix: {error}") from error
        return target

    def public_path(self, path: bytes) -> bytes:
        """A path of the upstream's, with or without query and fragment, as clients reach it.

        Unchanged: what is no path of the upstream's, and what is public already (X-Forwarded-Prefix tells it how).
        """
        if _NETWORK_PATH.match(path) or self._is_public(path):
            return path
        rest = _below(path, self.add)
        if rest is None:
            return path
        public = self.strip + rest
        if not public.startswith(b"/"):
            public = b"/" + public
        return path if _NETWORK_PATH.match(public) else public

    def public_cookie(self, value: bytes) -> bytes:
        """A Set-Cookie whose Path attributes are public paths; the rest byte for byte.

        A `__Host-` cookie has no path but / (RFC 6265bis 4.1.3.2): it is left alone.
        """
        pair, semicolon, attributes = value.partition(b";")
        if not semicolon or pair.strip().lower().startswith(b"__host-"):
            return value
        return b";".join([pair, *(self._public_attribute(each) for each in attributes.split(b";"))])

    def _public_attribute(self, attribute: bytes) -> bytes:
        match = _PATH_ATTRIBUTE.fullmatch(attribute)
        return match[1] + self._public_cookie_path(match[2]) + match[3] if match is not None else attribute

    def _public_cookie_path(self, path: bytes) -> bytes:
        if path == self.add or self.add.startswith(path.rstrip(b"/") + b"/") or path == b"/":
            return self.strip or b"/"  # all that this route reaches, or more
        return self.public_path(path)

    def _is_public(self, path: bytes) -> bool:
        if _below(path, self.reserved) is not None:
            return True
        if not self.strip or _below(path, self.strip) is None:
            return False
        return len(self.add) <= len(self.strip) or _below(path, self.add) is None


def _below(path: bytes, prefix: bytes) -> bytes | None:
    """What follows `prefix`, by whole segments; None for a path elsewhere."""
    rest = path[len(prefix) :]
    return rest if path.startswith(prefix) and rest[:1] in (b"", b"/", b"?", b"#") else None
