"""Reloads, one at a time, each told in the log: a configuration that cannot be used changes nothing."""

import asyncio
import logging
from collections.abc import Callable

from gateway.config import ConfigurationError, Loaded
from gateway.core.errors import StoreOutage
from gateway.listeners import ListenerUnusable
from gateway.stores.database import StoreUnusable

from .certificate import CertificateUnusable
from .gateway import ChangeIncomplete, Gateway

log = logging.getLogger(__name__)


class Reloader:
    """Reads the configuration with `read` whenever it was asked to; asked meanwhile, it does so once more."""

    def __init__(self, gateway: Gateway, read: Callable[[], Loaded]) -> None:
        self._gateway = gateway
        self._read = read
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Reload soon. For a signal handler."""
        self._asked.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.reload()

    async def reload(self) -> bool:
        """Reload now. False: refused or not wholly done, the log says which and why."""
        problems: list[str] = []
        outcome = "refused: the configuration of before goes on serving"
        try:
            loaded = await asyncio.to_thread(self._read)  # requests go on meanwhile
            await self._gateway.reload(loaded)
        except ConfigurationError as error:
            problems = [str(problem) for problem in error.problems]
        except ChangeIncomplete as error:
            problems = [str(error)]
            outcome = "incomplete: the new configuration serves, but not all of its listeners; reload again, or restart"
        except (CertificateUnusable, ListenerUnusable, OSError, StoreOutage, StoreUnusable) as error:
            problems = [str(error)]
        except Exception:
            log.exception("reload failed by a fault of its own")
            problems = ["a fault of the gateway's own"]
        self._gateway.metrics.reload(not problems)
        for problem in problems:
            log.error("%s", problem)
        if problems:
            log.error("reload %s", outcome)
            return False
        for warning in loaded.warnings:
            log.warning("%s", warning)
        log.info(
            "reloaded: listening on %s; admin on %s", ", ".join(self._gateway.addresses), self._gateway.admin_address
        )
        return True
