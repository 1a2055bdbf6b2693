"""Clients that hold connections open: python -m bench.idle PORT REQUEST.

Opens as many more as each line of standard input says. Each connection asks once what stands in the file REQUEST and
reads the answer. Says "open" when all have; ends with its standard input.
"""

import asyncio
import sys
from pathlib import Path

AT_ONCE = 64


async def _ask(port: int, request: bytes, waiting: asyncio.Semaphore) -> asyncio.StreamWriter:
    async with waiting, asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200 ") or b"connection: close" in head:
            raise RuntimeError(head.decode("latin-1"))
        await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
        return writer


async def hold(port: int, request: bytes) -> None:
    """Until the end of standard input. Raises RuntimeError at any answer but 200."""
    waiting = asyncio.Semaphore(AT_ONCE)
    held: list[asyncio.StreamWriter] = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        held += await asyncio.gather(*(_ask(port, request, waiting) for _ in range(int(line))))
        print("open" if not any(writer.is_closing() for writer in held) else "some were closed", flush=True)


if __name__ == "__main__":
    asyncio.run(hold(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
