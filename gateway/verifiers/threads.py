"""Hashes checked, and files read for it, in threads of their own: few at a time, and nobody waits for ever."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .interface import VerifierOutage

THREADS = 2  # a hash may take 256 MiB and two seconds
WAITING = 50  # callers; more are told of an outage at once
TIMEOUT = 10.0  # seconds that a caller waits

T = TypeVar("T")


class HashingThreads:
    """A bounded pool of threads with a bounded queue."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hashes")
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns. Raises VerifierOutage if no thread was free in time, and what `work` raises."""
        if self._waiting >= WAITING:
            raise VerifierOutage("too many passwords to check at once")
        self._waiting += 1
        try:
            async with asyncio.timeout(TIMEOUT):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError:
            raise VerifierOutage("no thread was free in time to check a password") from None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Release the threads; idempotent."""
        self._threads.shutdown(wait=False, cancel_futures=True)
