"""How the measurement runs nginx, as the upstream and as a proxy: one worker, one file of configuration."""

from pathlib import Path

from bench.processes import tool

_FRAME = """
daemon off;
worker_processes 1;
pid {folder}/{name}.pid;
error_log stderr;
events {{ worker_connections 12000; }}
http {{
  access_log {access_log};
  keepalive_requests 1000000000;
  keepalive_timeout 75s;
  client_body_temp_path {folder}/{name}-body;
  proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-fastcgi;
  uwsgi_temp_path {folder}/{name}-uwsgi;
  scgi_temp_path {folder}/{name}-scgi;
  {blocks}
}}
"""


def write_nginx(folder: Path, name: str, blocks: str, access_log: str) -> tuple[str, ...]:
    """Write `name`.conf with these blocks of `http` into `folder`; the command that runs it."""
    path = folder / f"{name}.conf"
    path.write_text(_FRAME.format(folder=folder, name=name, access_log=access_log, blocks=blocks))
    return (tool("nginx"), "-p", str(folder), "-c", str(path))
