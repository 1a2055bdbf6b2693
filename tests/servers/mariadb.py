"""MariaDB: a superuser `tester` with a password, and a database of the same name."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncmy

from .process import ServerProcess

USER = PASSWORD = DATABASE = "tester"


class MariaDb(ServerProcess):
    """`tls`: files of a certificate and its key, then it takes TLS too. `socket` is its Unix socket."""

    ready = b"ready for connections"

    def __init__(self, tls: tuple[Path, Path] | None = None) -> None:
        self._tls = tls
        super().__init__()

    @property
    def socket(self) -> Path:
        """Where it listens besides."""
        return self.folder / "mariadb.sock"

    def install(self) -> None:
        """The system tables, and at the first start the superuser and the database."""
        self.run(
            _program("mariadb-install-db"), "--no-defaults", f"--datadir={self.folder}/data", "--skip-test-db",
            "--auth-root-authentication-method=normal",
        )  # fmt: skip
        first = self.folder / "first.sql"
        first.write_text(
            f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4;\n"
            f"CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n"
        )
        self.give(first)
        for name, file in zip(("server.crt", "server.key"), self._tls or (), strict=False):
            copy = Path(shutil.copy(file, self.folder / name))
            copy.chmod(0o600)
            self.give(copy)

    def command(self) -> Sequence[str | Path]:
        """With little memory, and nothing synced: its data lives as long as the tests."""
        tls = ["--ssl-cert=server.crt", "--ssl-key=server.key"] if self._tls else ["--skip-ssl"]
        return [
            _program("mariadbd"), "--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.socket}",
            "--bind-address=127.0.0.1", f"--port={self.port}", "--skip-name-resolve", f"--pid-file={self.folder}/pid",
            f"--init-file={self.folder}/first.sql", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=16M", *(self._in_folder(option) for option in tls),
        ]  # fmt: skip

    def _in_folder(self, option: str) -> str:
        key, equals, name = option.partition("=")
        return f"{key}={self.folder / name}" if equals else option

    async def execute(self, *statements: str) -> None:
        """Run statements as the superuser, in the database."""
        connection: Any = await asyncmy.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, db=DATABASE, autocommit=True
        )
        try:
            async with connection.cursor() as cursor:
                for statement in statements:
                    await cursor.execute(statement)
        finally:
            await connection.ensure_closed()


def _program(name: str) -> str:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    found = shutil.which(name, path=path)
    assert found, "mariadb-server is missing: tools/test-deps.sh installs it"
    return found
