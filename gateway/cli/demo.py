"""`gateway demo`: a painted WeChat, a legacy application and the gateway between them, with nothing to configure."""

import argparse
import contextlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from gateway.simulator.hints import DEMO_ACCOUNTS
from gateway.verifiers.users import add_user

from .common import Subparsers, fail
from .keys import generated, write_new
from .simulate import DEMO_SECRET

_GATEWAY, _ADMIN, _WECHAT, _LEGACY = 8080, 8081, 8090, 8070
_READY_WITHIN = 20.0  # seconds
_STOP_WITHIN = 10.0
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_BANNER = """
  WeChat, a legacy web application, and the gateway between them are running.

      Open  http://127.0.0.1:{wechat}/   the phone: pick who is holding it, then tap a menu link

  The first time you are asked, once, to bind your account:
      username  {username}
      password  {password}
  (or a code by SMS to {phone}: it appears below, in the gateway's log)
  After that the page you asked for greets you by name, and no login shows again.

      http://127.0.0.1:{gateway}/            the legacy application, through the gateway
      http://127.0.0.1:{gateway}/public      a page that needs nobody
      http://127.0.0.1:{admin}/metrics     what the gateway counts

  Ctrl-C ends all of it. What it keeps is in .demo/ (delete it to start anew).
"""


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("demo", help="run everything on this machine, nothing to configure")
    parser.add_argument("-c", "--config", type=Path, default=Path("gateway.toml"), help="the demo's gateway.toml")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prepare, start, wait for Ctrl-C, end."""
    config: Path = arguments.config
    if not config.is_file():
        return fail(f"{config} is not here: run this in the project's folder, or name it with -c")
    for port in (_WECHAT, _LEGACY, _GATEWAY, _ADMIN):
        if _taken(port):
            return fail(f"port {port} of 127.0.0.1 is in use: end what listens there, the demo needs it")
    prepare(config.parent / ".demo")
    children: list[subprocess.Popen[bytes]] = []
    try:
        for number in _ENDS:
            signal.signal(number, _interrupt)
        children.append(_started("simulate", stdout=subprocess.DEVNULL))
        children.append(_started("serve", "-c", str(config)))
        if not _ready(children):
            return fail("the demo did not start; what went wrong is said above")
        account = DEMO_ACCOUNTS[0]
        print(
            _BANNER.format(
                wechat=_WECHAT,
                gateway=_GATEWAY,
                admin=_ADMIN,
                username=account.username,
                password=account.password,
                phone=account.phone,
            ),
            flush=True,
        )
        while all(child.poll() is None for child in children):
            time.sleep(0.2)
        return fail("a part of the demo ended by itself; what went wrong is said above")
    except KeyboardInterrupt:
        print("\n  ending …", flush=True)
        return 0
    finally:
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave the children alone
        _stop(children)


def prepare(folder: Path) -> None:
    """Make the demo's secrets and accounts where they are missing. They are never committed."""
    for name, content in (
        ("cookie.key", generated("cookie")),
        ("identity.pem", generated("identity")),
        ("wechat.secret", DEMO_SECRET.encode() + b"\n"),
    ):
        with contextlib.suppress(FileExistsError):
            write_new(folder / "secrets" / name, content)
    users = folder / "users.toml"
    if users.exists():
        return
    for account in DEMO_ACCOUNTS:
        claims = {"name": account.name, "roles": list(account.roles)}
        add_user(
            users,
            account.username,
            password=account.password,
            user_id=account.user_id,
            claims=claims,
            phone=account.phone,
        )


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _started(*arguments: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
    """One of our commands, in a session of its own: the terminal's Ctrl-C is for us, and we end it, once."""
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.Popen(command, stdout=stdout, start_new_session=True)  # noqa: S603  our own


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def _ready(children: Sequence[subprocess.Popen[bytes]]) -> bool:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline and all(child.poll() is None for child in children):
        try:
            for url in (f"http://127.0.0.1:{_ADMIN}/readyz", f"http://127.0.0.1:{_WECHAT}/"):
                urllib.request.urlopen(url, timeout=1).close()  # noqa: S310  constant, loopback
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def _stop(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
