"""One gateway on one event loop, until it is told to stop: what a single process and each worker have in common."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable

import uvloop

from gateway.app import CertificateUnusable, Gateway, Reloader
from gateway.config import Loaded
from gateway.core.errors import StoreOutage
from gateway.listeners import ListenerUnusable
from gateway.stores.database import StoreUnusable
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import configure, log_loop_error
from gateway.wire.tasks import Tasks

log = logging.getLogger(__name__)

Make = Callable[[LineWriter], Gateway]


def run_until_stopped(
    make: Make,
    level: str,
    *,
    read: Callable[[], Loaded],
    started: Callable[[Gateway], None],
    stopping: Callable[[], None],
    failed: Callable[[str], object],
    stops: tuple[signal.Signals, ...] = (signal.SIGTERM, signal.SIGINT),
    hurries: signal.Signals | None = None,
    lifeline: int | None = None,
) -> int:
    """Run the gateway that `make` makes, until one of `stops` or the end of `lifeline`; the exit status.

    On SIGHUP it takes the configuration that `read` reads. `hurries` cuts off what a stop waits for; without it, the
    second of `stops` does. `failed` is told why it cannot start.
    """
    writer = LineWriter(sys.stderr.fileno())
    configure(level, writer)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(log_loop_error)
        gateway = make(writer)
        reloader = Reloader(gateway, read)
        stop = asyncio.Event()

        def hurry() -> None:
            log.warning("asked to stop again: what is under way is cut off")
            gateway.hurry()

        def end() -> None:
            if stop.is_set() and hurries is None:
                hurry()
            stop.set()

        for number in stops:
            loop.add_signal_handler(number, end)
        if hurries is not None:
            loop.add_signal_handler(hurries, hurry)
        loop.add_signal_handler(signal.SIGHUP, reloader.ask)
        if lifeline is not None:
            loop.add_reader(lifeline, _ended, loop, lifeline, stop)
        await gateway.start()
        started(gateway)
        tasks = Tasks()
        tasks.start(reloader.run())
        await stop.wait()
        stopping()
        await gateway.stop()
        await tasks.close()

    try:
        uvloop.run(serve())
    except (CertificateUnusable, ListenerUnusable, OSError, StoreUnusable, StoreOutage) as error:
        failed(f"cannot start: {error}")
        return 1
    except Exception:
        log.critical("the gateway ended by a fault of its own", exc_info=True)  # types and places, no messages
        return 1
    finally:
        writer.close()
    return 0


def _ended(loop: asyncio.AbstractEventLoop, lifeline: int, stop: asyncio.Event) -> None:
    loop.remove_reader(lifeline)  # it would be readable for ever
    stop.set()
