"""What the measurement needs on the disk: nginx as upstream and as proxy, WeChat, and a gateway of 50 routes."""

import base64
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.processes import free_port, tool
from gateway.verifiers.users import add_user

ROUTES = 50
PEOPLE = 400
USERNAME, PASSWORD = "zhang.san", "correct horse battery"
APP_ID, APP_SECRET = "wx0123456789abcdef", secrets.token_hex(16)

_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/{name}.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 75s;
  client_body_temp_path {folder}/{name}-body;
  proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-fastcgi;
  uwsgi_temp_path {folder}/{name}-uwsgi;
  scgi_temp_path {folder}/{name}-scgi;
  {servers}
}}
"""

_UPSTREAM = """
  server {{
    listen 127.0.0.1:{port} reuseport;
    default_type text/html;
    location / {{ return 200 "{body}"; }}
    location = /who {{ return 200 "$http_x_user"; }}
  }}
"""

_PROXY = """
  upstream legacy {{
    server 127.0.0.1:{upstream};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://legacy;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-User static;
    }}
  }}
"""

_GATEWAY = """
version = 1
[server]
development = true
listen = ["127.0.0.1:{gateway}"]
admin = "127.0.0.1:{admin}"
public_url = "http://127.0.0.1:{gateway}"
policies = "policies"
[secrets]
cookie_keys = [{{ file = "cookie.key" }}]
[[apps]]
id = "main"
provider = "wechat"
app_id = "{app_id}"
secret = {{ file = "wechat.secret" }}
authorize_base = "http://127.0.0.1:{wechat}"
api_base = "http://127.0.0.1:{wechat}"
[state]
url = "sqlite:data/state.db"
[bindings]
url = "sqlite:data/bindings.db"
[identity]
keys = [{{ file = "identity.pem" }}]
[bind]
methods = ["password"]
[bind.password]
verifier = "file"
file = "users.toml"
[[upstreams]]
id = "legacy"
servers = ["http://127.0.0.1:{upstream}"]
"""

_ROUTE = """
[[routes]]
id = "{id}"
path = "{path}"
policy = "page"
upstream = "legacy"
audience = "legacy"
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """The ports, and the commands that open them."""

    folder: Path
    upstream: int
    nginx: int
    gateway: int
    admin: int
    wechat: int

    def command(self, name: str) -> list[str]:
        """What starts `upstream`, `nginx`, `gateway` or `wechat`."""
        if name == "gateway":
            return [str(Path(sys.executable).with_name("gateway")), "serve", "-c", str(self.folder / "gateway.toml")]
        if name == "wechat":
            return [sys.executable, "-m", "bench.wechat", str(self.wechat), APP_ID, APP_SECRET, str(PEOPLE)]
        return [tool("nginx"), "-p", str(self.folder), "-c", str(self.folder / f"{name}.conf")]

    @property
    def origin(self) -> str:
        """The gateway's public origin."""
        return f"http://127.0.0.1:{self.gateway}"


def paint(folder: Path) -> Scene:
    """Write every file of the scene into `folder`."""
    scene = Scene(folder, *(free_port() for _ in range(5)))
    servers = {
        "upstream": _UPSTREAM.format(port=scene.upstream, body="x" * 1023 + "."),
        "nginx": _PROXY.format(port=scene.nginx, upstream=scene.upstream),
    }
    for name, server in servers.items():
        (folder / f"{name}.conf").write_text(_NGINX.format(folder=folder, name=name, servers=server))
    _write_gateway(scene)
    return scene


def _write_gateway(scene: Scene) -> None:
    folder = scene.folder
    ports = {"gateway": scene.gateway, "admin": scene.admin, "wechat": scene.wechat, "upstream": scene.upstream}
    routes = [_ROUTE.format(id="all", path="/")]
    routes += [_ROUTE.format(id=f"r{number}", path=f"/section{number}/pages") for number in range(1, ROUTES)]
    (folder / "gateway.toml").write_text(_GATEWAY.format(app_id=APP_ID, **ports) + "".join(routes))
    (folder / "policies").mkdir()
    (folder / "policies" / "page.toml").write_text('access = "bound"\n')
    (folder / "data").mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    _secret(folder / "identity.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    _secret(folder / "cookie.key", base64.urlsafe_b64encode(secrets.token_bytes(32)))
    _secret(folder / "wechat.secret", APP_SECRET.encode())
    add_user(folder / "users.toml", USERNAME, password=PASSWORD, user_id="42", claims={"name": "Zhang San"})


def _secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
