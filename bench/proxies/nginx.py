"""nginx as a proxy, and nginx that has a small service authenticate every request (`auth_request`)."""

from bench.nginx import write_nginx
from bench.processes import free_port, tool
from bench.proxies.proxy import Proxy, asking, first_line
from bench.scene import Scene

_POOL = """
  upstream {name} {{
    server 127.0.0.1:{port};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
"""

_SERVER = """
  server {{
    listen 127.0.0.1:{port};
    location / {{
      {ask}
      proxy_pass http://legacy;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-User {user};
    }}
    {door}
  }}
"""

_ASK = """auth_request /auth;
      auth_request_set $user $upstream_http_x_user;"""

_DOOR = """location = /auth {
      internal;
      proxy_pass http://auth;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }"""


def install() -> None:
    """It is there: the base line needs it."""


def versions() -> dict[str, str]:
    return {"nginx": first_line(tool("nginx"), "-v").rpartition("/")[2]}


def plain(scene: Scene) -> Proxy:
    """The base line: a static X-User."""
    return Proxy("nginx", "nginx", *_written(scene, "nginx", user="static", ask="", door=""))


def prepare(scene: Scene) -> list[Proxy]:
    written = _written(scene, "nginx-auth", user="$user", ask=_ASK, door=_DOOR)
    return [asking(scene, "nginx-auth", "nginx, auth_request to a small service", *written)]


def _written(scene: Scene, name: str, **parts: str) -> tuple[int, tuple[str, ...]]:
    port = free_port()
    pools = _POOL.format(name="legacy", port=scene.upstream) + _POOL.format(name="auth", port=scene.auth)
    log = f"{scene.folder}/{name}.access.log"
    return port, write_nginx(scene.folder, name, pools + _SERVER.format(port=port, **parts), log)
