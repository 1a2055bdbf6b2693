"""A password's hash as a legacy system keeps it: what is computed of a password, and what must come out.

Law: whatever a database holds, checking it takes at most `MAX_SECONDS` and `MAX_MEMORY`, or it is refused unchecked.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace

MAX_SECONDS = 2.0  # of one core, as estimated
MAX_MEMORY = 256 * 1024 * 1024  # bytes


class HashUnusable(ValueError):
    """What is stored is not a hash that can be checked. The message says why, and nothing of the hash."""


@dataclass(frozen=True, slots=True)
class StoredHash:
    """`work` makes of a password what must be equal to `digest`; it takes some `seconds` (an estimate, of one core).

    `charset` is how the legacy system turns passwords into bytes.
    """

    work: Callable[[bytes], bytes] = field(repr=False)
    digest: bytes = field(repr=False)
    seconds: float
    memory: int = 0  # bytes
    charset: str = "utf-8"

    def __post_init__(self) -> None:
        if self.seconds > MAX_SECONDS:
            raise HashUnusable(f"would take some {self.seconds:.0f} s to check, more than {MAX_SECONDS:g}")
        if self.memory > MAX_MEMORY:
            raise HashUnusable(f"would take {self.memory >> 20} MiB to check, more than {MAX_MEMORY >> 20}")

    def dummy(self) -> "StoredHash":
        """The same work, which no password passes."""
        return replace(self, digest=b"")

    def matches(self, password: str) -> bool:
        """Whether this is the password. One that the charset cannot say takes as long and is not."""
        try:
            known = password.encode(self.charset)
        except UnicodeEncodeError:
            self.work(b"")
            return False
        return hmac.compare_digest(self.work(known), self.digest)
