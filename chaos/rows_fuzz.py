"""The row of fuzzing: the tests of tests/fuzz, for longer."""

import asyncio
import os
import re
import secrets
import sys

from chaos.marks import Mark, Row, Scale, exactly, figure
from chaos.process import ROOT


async def fuzzing(scale: Scale) -> list[Mark]:
    """Twenty minutes, or FUZZ_SECONDS; a finding is printed with its seed and its smallest input."""
    seconds = os.environ.get("FUZZ_SECONDS", str(scale.of(1200, 20)))
    seed = os.environ.get("FUZZ_SEED", str(secrets.randbelow(1 << 32)))
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-s",
        "tests/fuzz",
        cwd=ROOT,
        env={**os.environ, "FUZZ_SECONDS": seconds, "FUZZ_SEED": seed},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await running.communicate()
    text = out.decode(errors="replace")
    if running.returncode:
        print(text[-8000:], file=sys.stderr)
    inputs = sum(int(found) for found in re.findall(r": (\d+) inputs", text))
    return [
        exactly("findings", text.count("Finding: seed"), 0),
        exactly("exit code", running.returncode, 0),
        figure("inputs", inputs),
        figure("minutes", float(seconds) / 60),
    ]


ROWS = [
    Row(
        "fuzzing",
        "No input breaks a promise of the parser, the router or the scrubber",
        "coverage-guided changes to the conformance cases, twenty minutes, and whole requests through sockets",
        fuzzing,
        in_short=False,
    ),
]
