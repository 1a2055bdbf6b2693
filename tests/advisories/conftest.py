"""The house of the service tests: the real gateway on free ports, WeChat's simulator, a strict upstream."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tests.service.conftest import PASSWORD, USERS, House, Open, open_house, pytest_asyncio_loop_factories

__all__ = ["open_house", "pytest_asyncio_loop_factories"]


@pytest.fixture(scope="session")
def users_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The accounts of the service tests under hashes that cost next to nothing: guessing them is tested here."""
    path = tmp_path_factory.mktemp("users") / "users.toml"
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    lines = []
    for number, name in enumerate(USERS):
        lines += [f"[users.{name}]", f'user_id = "{1001 + number}"', f'password = "{cheap}"']
        lines += [f'claims = {{ name = "{name.title()}", roles = ["member"] }}']
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def fast() -> bool:
    """As in production; the service tests run both ways."""
    return True


@pytest.fixture
async def house(open_house: Open) -> House:
    """The usual one: / needs a binding, /public is open, /optional identifies whom it can."""
    opened: House = await open_house()
    return opened
