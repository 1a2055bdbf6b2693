"""HAProxy of Debian."""

from bench.processes import free_port, tool
from bench.proxies.proxy import Proxy, first_line, from_debian
from bench.scene import Scene

_CONFIGURATION = """
global
  nbthread 1
  maxconn 9000
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option forwardfor
  timeout connect 5s
  timeout client 75s
  timeout server 75s
frontend front
  bind 127.0.0.1:{port}
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-User static
  default_backend legacy
backend legacy
  server legacy 127.0.0.1:{upstream}
"""


def install() -> None:
    from_debian({"haproxy": "/usr/sbin/haproxy"})


def versions() -> dict[str, str]:
    return {"HAProxy": first_line(tool("haproxy"), "-v").split()[2].partition("-")[0]}


def prepare(scene: Scene) -> list[Proxy]:
    port = free_port()
    path = scene.folder / "haproxy.cfg"
    path.write_text(_CONFIGURATION.format(port=port, upstream=scene.upstream))
    return [Proxy("haproxy", "HAProxy", port, (tool("haproxy"), "-db", "-f", str(path)))]
