"""What stands around the proxies: the legacy system, WeChat, an OpenID provider, a small service that authenticates."""

import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench.kinds import SECTION
from bench.nginx import write_nginx
from bench.processes import free_port

PEOPLE = 400
USERNAME, PASSWORD = "zhang.san", "correct horse battery"
APP_ID = "wx0123456789abcdef"
CLIENT_ID = "legacy"

_UPSTREAM = """
  open_file_cache max=16;
  server {{
    listen 127.0.0.1:{port} reuseport;
    default_type text/html;
    root {folder}/www;
    location / {{ return 200 "{body}"; }}
    location = /who {{ return 200 "$http_x_user"; }}
    location = {section}/missing {{ return 404 "{body}"; }}
    location = {section}/stream.html {{ ssi on; }}
    location = {section}/large.bin {{ sendfile on; }}
  }}
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """The folder of all files, the ports, and the secrets of this run."""

    folder: Path
    upstream: int = field(default_factory=free_port)
    wechat: int = field(default_factory=free_port)
    provider: int = field(default_factory=free_port)
    auth: int = field(default_factory=free_port)
    app_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    client_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    session: str = field(default_factory=lambda: secrets.token_urlsafe(420), repr=False)

    def write_upstream(self) -> tuple[str, ...]:
        """Write the legacy system's files; the command that runs it."""
        body = "x" * 1023 + "."
        pages = self.folder / f"www{SECTION}"
        pages.mkdir(parents=True)
        (pages / "stream.html").write_text(body)  # SSI does not know its length beforehand: it is sent in chunks
        (pages / "large.bin").write_bytes(b"y" * 100 * 1024)
        block = _UPSTREAM.format(port=self.upstream, folder=self.folder, body=body, section=SECTION)
        return write_nginx(self.folder, "upstream", block, "off")

    def wechat_command(self) -> tuple[str, ...]:
        """What runs the painted WeChat."""
        return (sys.executable, "-m", "bench.wechat", str(self.wechat), APP_ID, self.app_secret, str(PEOPLE))

    def provider_command(self) -> tuple[str, ...]:
        """What runs the OpenID provider."""
        return (sys.executable, "-m", "bench.provider", str(self.provider), CLIENT_ID, self.client_secret, USERNAME)

    def auth_command(self) -> tuple[str, ...]:
        """What runs the small service that knows one session."""
        return (sys.executable, "-m", "bench.auth_service", str(self.auth), self.session, USERNAME)
