"""What the measurement knows of a proxy, whichever it is."""

import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.processes import ROOT
from bench.scene import Scene

BUILD = ROOT / ".bench"  # what is downloaded for peers and what was measured; not in git
NOBODY = f"session={'x' * 560}"  # as long as the other sessions' cookies


async def anybody(origin: str) -> str:
    """The Cookie header for a proxy that asks nobody who they are."""
    return NOBODY


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy in one configuration.

    `user`: a pattern of the X-User that the upstream sees. `sign_in`: from the proxy's origin to a Cookie header,
    the way people get one. `asks`: whether the small service that authenticates counts too. `ready`: a URL that
    answers 200 when the proxy is ready, where an open port does not say so. `workers`: how many of its processes serve;
    two or more are its children, and each gets a core.
    """

    name: str
    title: str
    port: int
    command: tuple[str, ...]
    authenticates: bool = False
    user: str = "static"
    sign_in: Callable[[str], Awaitable[str]] = field(default=anybody, repr=False)
    asks: bool = False
    ready: str = ""
    workers: int = 1

    @property
    def origin(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"


def asking(scene: Scene, name: str, title: str, port: int, command: tuple[str, ...]) -> Proxy:
    """A proxy that has the small service authenticate every request."""

    async def known(origin: str) -> str:
        return f"session={scene.session}"

    return Proxy(name, title, port, command, authenticates=True, user="zhang.san", sign_in=known, asks=True)


class Peer(Protocol):
    """A module of this folder."""

    def install(self) -> None:
        """Make its commands available. Raises OSError, LookupError or subprocess.SubprocessError if that fails."""

    def versions(self) -> dict[str, str]:
        """What is measured, by name."""

    def prepare(self, scene: Scene) -> list[Proxy]:
        """Write its configurations into the scene's folder."""


def from_debian(packages: dict[str, str]) -> None:
    """Install packages of Debian, each by a file of it that is needed, unless that is there."""
    if missing := [package for package, file in packages.items() if not Path(file).exists()]:
        subprocess.run([str(ROOT / "tools/apt-install.sh"), *missing], check=True)


def from_pypi(lock: Path) -> Path:
    """The folder in which the wheel pinned by `lock` is unpacked, apart from the project's own packages."""
    folder = BUILD / lock.stem
    made = folder / "made-from"
    if not made.is_file() or made.read_text() != lock.read_text():
        command = [str(ROOT / ".venv/bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        command += ["--no-input", "--upgrade", "--target", str(folder), "--no-deps", "--only-binary", ":all:"]
        command += ["--require-hashes", "--requirement", str(lock)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        made.write_text(lock.read_text())
    return folder


def first_line(*command: str) -> str:
    """What a command says of its version, on either output."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).strip().splitlines()[0]
