"""What a database's refusal means, in our own words: its message may quote names and values, so it is never shown."""

import os
import ssl

# SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), MySQL's and MariaDB's numbers
# (https://mariadb.com/kb/en/mariadb-error-codes/), SQLite's names (https://www.sqlite.org/rescode.html).
_LOGIN = "the user or the password is refused"
_RIGHTS = "the user may not do this, or not read this table"
_DATABASE = "there is no such database"
_TABLE = "there is no such table"
_COLUMN = "there is no such column"
_SYNTAX = "the query is not understood"
_SLOW = "the query took too long"
_FULL = "there are too many connections"
_BUSY = "it is locked"
_NO_FILE = "it cannot be opened"
_WORDS: dict[object, str] = {
    "28000": _LOGIN, "28P01": _LOGIN, 1045: _LOGIN, 1698: _LOGIN, 1130: "this machine may not connect",
    "42501": _RIGHTS, 1044: _RIGHTS, 1142: _RIGHTS, 1143: _RIGHTS,
    "3D000": _DATABASE, 1049: _DATABASE,
    "42P01": _TABLE, 1146: _TABLE,
    "42703": _COLUMN, 1054: _COLUMN,
    "42601": _SYNTAX, 1064: _SYNTAX,
    "57014": _SLOW, 1969: _SLOW, 3024: _SLOW, "SQLITE_INTERRUPT": _SLOW,
    "53300": _FULL, 1040: _FULL, 1203: _FULL, 1226: _FULL,
    "55P03": _BUSY, 1205: _BUSY, "SQLITE_BUSY": _BUSY,
    "SQLITE_ERROR": "there is no such table or column, or the query is not understood",
    "SQLITE_NOTADB": "the file is no SQLite database",
    "SQLITE_CANTOPEN": _NO_FILE, "SQLITE_READONLY_DIRECTORY": _NO_FILE,
}  # fmt: skip


def described(error: Exception) -> str:
    """`error` of SQLAlchemy or of a driver: what it means where that is known, its class and its code."""
    cause = getattr(error, "orig", None) or error
    cause = getattr(cause, "__cause__", None) or cause
    number = cause.args[0] if cause.args and isinstance(cause.args[0], int) else None
    state = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    code = state if state is not None else number
    name = type(cause).__name__ + (f" {code}" if code is not None else "")
    words = _words(cause) or _WORDS.get(number) or _WORDS.get(state)
    return f"the database: {words} ({name})" if words else f"the database: {name}"


def _words(cause: BaseException) -> str | None:
    """Of the network, TLS and files; the operating system's words name nobody."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return "TLS with it does not come about"
    if isinstance(cause, OSError) and cause.errno is not None:
        # asyncio writes addresses into its errors; a name that is not found has a number below 0 and words of its own.
        words = os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
        return words[:1].lower() + words[1:]
    return None
