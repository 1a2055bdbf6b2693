"""Which WeChat app logs people in on which Host."""

from collections.abc import Mapping, Sequence


class AppHosts:
    """Looks up apps by the request's Host.

    A name without a port stands for itself without one and with the public URL's; a name with a port for
    exactly that. A Host that nobody listed has no app: no login starts there. `websites`: by app, the app of WeChat's
    website login that stands in for it outside WeChat.
    """

    def __init__(
        self, hosts_of_app: Mapping[str, Sequence[str]], public_url: str, websites: Mapping[str, str] | None = None
    ) -> None:
        self._scheme, _, authority = public_url.partition("://")
        public_host, public_port = split_port(authority.lower())
        self._apps: dict[str, str] = {}
        for app, hosts in hosts_of_app.items():
            for name in hosts:
                host, port = split_port(name.lower())
                spellings = [f"{host}{port}"] if port else [host, f"{host}{public_port}"]
                for spelling in (*spellings, *(_with_default_port(spelling, self._scheme) for spelling in spellings)):
                    self._apps[spelling] = app
        self._websites = websites or {}
        self._public = f"{public_host}{public_port}"
        self._public_url = public_url

    def app(self, host: str) -> str | None:
        """The app of this Host (lower case, as sent), or None."""
        return self._apps.get(host)

    def website(self, host: str) -> str | None:
        """The app whose sessions count on this Host beside those of `app`, or None."""
        app = self._apps.get(host)
        return self._websites.get(app) if app is not None else None

    def origin(self, host: str) -> str:
        """The origin that WeChat sends a browser on `host` back to: its own if listed, else the public URL."""
        return f"{self._scheme}://{host}" if host in self._apps else self._public_url


def split_port(authority: str) -> tuple[str, str]:
    """("host", ":8080") of an authority; the port is "" if there is none. IPv6 literals keep their brackets."""
    host, colon, port = authority.rpartition(":")
    return (host, colon + port) if colon and port.isdigit() and not host.endswith(":") else (authority, "")


def _with_default_port(authority: str, scheme: str) -> str:
    return authority if split_port(authority)[1] else f"{authority}:{443 if scheme == 'https' else 80}"
