"""Addresses of our own pages, and return targets that may follow them."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlencode

from gateway.core.return_to import safe_return_to

_NEVER_RETURN_TO = ("/login", "/callback", "/logout")
_NEVER_SHOWN_AGAIN = ("/login", "/callback")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a button leads. `text` is a key of the catalogs."""

    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Links:
    """Own addresses under `prefix`, as paths on whichever host is asked."""

    prefix: str

    def login(self, return_to: str) -> str:
        """Starts the dance that ends at `return_to`."""
        return f"{self.prefix}/login?return_to={quote(return_to, safe='')}"

    def bind(self, return_to: str) -> str:
        """Mints a ticket from the session and shows the bind page."""
        return f"{self.prefix}/bind?return_to={quote(return_to, safe='')}"

    def me(self) -> str:
        """The visitor's own page."""
        return f"{self.prefix}/me"

    def handover(self) -> str:
        """How far this browser's hand-over is."""
        return f"{self.prefix}/handover"

    def approval(self, key: str) -> str:
        """The page that a phone opens which scanned a hand-over's code."""
        return f"{self.prefix}/handover/approve?{urlencode({'key': key})}"

    def is_approval(self, target: str) -> bool:
        """Whether this is such a page."""
        return target.startswith(f"{self.prefix}/handover/approve?")

    def ticket(self, key: str, **parameters: str) -> str:
        """The bind page of a ticket."""
        return f"{self.prefix}/bind?{urlencode({'ticket': key, **parameters})}"

    def done(self, return_to: str) -> str:
        """The page behind a bind, which leads on."""
        return f"{self.prefix}/bind/done?return_to={quote(return_to, safe='')}"

    @property
    def replace(self) -> str:
        """Where a replacement is confirmed."""
        return f"{self.prefix}/bind/replace"

    def return_to(self, values: Sequence[str]) -> str:
        """The one safe target among a query's `return_to` values, or "/".

        Never a page that starts, ends or undoes a login: coming back to it would do so again.
        """
        if len(values) != 1:
            return "/"
        target = safe_return_to(values[0])
        path = unquote(target.partition("#")[0].partition("?")[0]).rstrip("/")
        return "/" if path in {self.prefix + page for page in _NEVER_RETURN_TO} else target

    def own_page(self, address: str) -> str:
        """`address` if it is a page of ours that a GET shows again without doing anything, else ""."""
        target = safe_return_to(address)
        path = unquote(target.partition("#")[0].partition("?")[0])
        shown = target == address and path.startswith(f"{self.prefix}/")
        return target if shown and path not in {self.prefix + page for page in _NEVER_SHOWN_AGAIN} else ""


def with_fragment(target: str) -> str:
    """`target` with an explicit fragment: without one, browsers carry `#wechat_redirect` over a redirect."""
    return target if "#" in target else target + "#"
