"""What each process of a gateway with workers holds: connections, and memory by both ways of counting it."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ESTABLISHED = "01"  # Linux, include/net/tcp_states.h


@dataclass(frozen=True, slots=True)
class Process:
    """`connections` it has accepted; bytes of memory, pages shared by n processes counted whole and as 1/n."""

    connections: int
    resident: int
    proportional: int


def look(pid: int, port: int) -> Process:
    """A process that listens at `port`, over IPv4. Needs the right to read what is its own in /proc."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    connections = accepted(Path("/proc/net/tcp").read_text(), port, _sockets(pid))
    return Process(connections, size(rollup, "Rss"), size(rollup, "Pss"))


def accepted(table: str, port: int, sockets: set[str]) -> int:
    """How many established connections of /proc/net/tcp have the local port and are among these inodes.

    The table is no snapshot: while others come and go a row may be in it twice.
    """
    rows = [line.split() for line in table.splitlines()[1:]]
    return len({row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED} & sockets)


def size(rollup: str, name: str) -> int:
    """A field of smaps_rollup, in bytes. Raises ValueError if it is not there."""
    if found := re.search(rf"^{name}: +(\d+) kB$", rollup, re.MULTILINE):
        return int(found[1]) * 1024
    raise ValueError(f"no {name} in smaps_rollup")


def _sockets(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(os.readlink(entry))
    return {target[8:-1] for target in found if target.startswith("socket:[")}
