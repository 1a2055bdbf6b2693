"""The limits that stand beside every buffer and wait of the wire."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    head: int = 64 * 1024
    target: int = 16 * 1024
    fields: int = 200
    head_timeout: float = 10.0  # a total deadline from the first byte of a head to its last
    idle_timeout: float = 75.0  # a kept-alive client between two requests
    body_timeout: float = 60.0  # a body or a reader that makes no progress
    linger_timeout: float = 2.0  # reading on after an early answer, so that a reset cannot eat it
    linger_bytes: int = 64 * 1024 * 1024  # read away at most; a client that sends more must wait
    connections: int = 10_000  # clients of one worker at a time
    requests: int = 4000  # of one worker that are carried to one upstream at a time
