"""Codes and their budgets, held by two processes on one state file, and after a restart."""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

CHILD = Path(__file__).parent / "children" / "codes.py"
NOW = 1_800_000_000
PATIENCE = 60.0


async def together(file: Path, *tasks: tuple[object, ...]) -> Counter[str]:
    """Run each task in a process of its own, all at once; their answers, added up."""
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            str(CHILD),
            str(file),
            *map(str, task),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for task in tasks
    ]
    total: Counter[str] = Counter()
    async with asyncio.timeout(PATIENCE):
        for child in children:
            assert child.stdout
            assert await child.stdout.readline() == b"ready\n"
        for said, _ in await asyncio.gather(*(child.communicate(b"go\n") for child in children)):
            total.update(json.loads(said))
    assert [child.returncode for child in children] == [0] * len(children)
    return total


async def test_two_processes_share_a_budget(tmp_path: Path) -> None:
    """Of 60 asks at once 7 are allowed; a restart forgets none of them, the window's end all."""
    ask = ("spend", "phone", 7, 3600, NOW, 30)
    assert await together(tmp_path / "state.db", ask, ask) == {"allowed": 7, "refused": 53}
    assert await together(tmp_path / "state.db", ("spend", "phone", 7, 3600, NOW + 3599, 2)) == {"refused": 2}
    assert await together(tmp_path / "state.db", ("spend", "phone", 7, 3600, NOW + 3600, 2)) == {"allowed": 2}


async def test_two_processes_give_a_code_five_tries(tmp_path: Path) -> None:
    """Of 40 wrong tries at once five are judged; then the right code is dead too."""
    await together(tmp_path / "state.db", ("put", "slot", "right", NOW + 300, 5))
    guess = ("try", "slot", "wrong", NOW, 20)
    assert await together(tmp_path / "state.db", guess, guess) == {"wrong": 5, "dead": 35}
    assert await together(tmp_path / "state.db", ("try", "slot", "right", NOW, 1)) == {"dead": 1}


async def test_two_processes_take_a_code_once(tmp_path: Path) -> None:
    """Of 40 right tries at once one is right."""
    await together(tmp_path / "state.db", ("put", "slot", "right", NOW + 300, 5))
    attempt = ("try", "slot", "right", NOW + 299, 20)
    assert await together(tmp_path / "state.db", attempt, attempt) == {"right": 1, "dead": 39}
