"""PostgreSQL: a superuser `tester` and the database `postgres`, with passwords asked for everywhere."""

import glob
import shutil
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from .process import ServerProcess

USER = PASSWORD = "tester"
DATABASE = "postgres"


class Postgres(ServerProcess):
    """`tls`: files of a certificate and its key, then it takes TLS too."""

    ready = b"database system is ready to accept connections"
    ends_by_interrupt = True  # "fast shutdown": it does not wait for its clients

    def __init__(self, tls: tuple[Path, Path] | None = None) -> None:
        self._tls = tls
        super().__init__()

    def install(self) -> None:
        """A cluster."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        self.give(secret)
        self.run(
            _program("initdb"), "-D", "data", "-U", USER, "-A", "scram-sha-256", "--pwfile", secret,
            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        for name, file in zip(("server.crt", "server.key"), self._tls or (), strict=False):
            copy = Path(shutil.copy(file, self.folder / "data" / name))
            copy.chmod(0o600)
            self.give(copy)

    def command(self) -> Sequence[str | Path]:
        """Nothing is synced: its data lives as long as the tests."""
        options = ["fsync=off", "max_connections=40", f"ssl={'on' if self._tls else 'off'}"]
        return [
            _program("postgres"), "-D", "data", "-h", "127.0.0.1", "-p", str(self.port), "-k", self.folder,
            *(word for option in options for word in ("-c", option)),
        ]  # fmt: skip

    async def execute(self, *statements: str) -> None:
        """Run statements as the superuser."""
        connection = await asyncpg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, database=DATABASE, ssl=False
        )
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


def _program(name: str) -> str:
    """Debian keeps the server's programs out of the way."""
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))), None)
    assert found, "postgresql is missing: tools/test-deps.sh installs it"
    return found
