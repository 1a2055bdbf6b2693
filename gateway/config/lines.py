"""Where each key of a TOML document stands. tomllib gives values without lines; reports need both.

Reads documents that tomllib has accepted, so it only has to find the ends of things, never to judge them.
"""

import re
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^\s,\]}#]+(?: \d[^\s,\]}#]*)?")  # a date and its time may be a space apart
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"((?:\\.|[^"\\])*)"'),
    re.compile(r"'([^']*)'"),
)


class Lines:
    """Line numbers (from 1) by key path; list items are numbered from 0."""

    def __init__(self, found: dict[KeyPath, int]) -> None:
        self._found = found

    def __getitem__(self, path: KeyPath) -> int:
        """The line of `path`, or of the nearest table around it; 1 if nothing of it was written."""
        while path and path not in self._found:
            path = path[:-1]
        return self._found.get(path, 1)

    def __iter__(self) -> Iterator[KeyPath]:
        """All paths that were found."""
        return iter(self._found)


def scan(text: str) -> Lines:
    """The lines of all keys, tables and list items of a valid TOML document."""
    return Lines(_Scanner(text.replace("\r\n", "\n")).document())


class _Scanner:
    """A cursor over the text; each method steps over one construct and notes the lines of the keys in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._found: dict[KeyPath, int] = {}
        self._lengths: dict[KeyPath, int] = {}  # of arrays of tables

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._blank():
            table = self._header() if self._peek("[") else self._pair(table)
        return self._found

    def _header(self) -> KeyPath:
        line = self._line
        repeated = self._peek("[[")
        self._step(2 if repeated else 1)
        *parents, last = self._keys()
        self._step(2 if repeated else 1)
        path: KeyPath = ()
        for key in parents:
            path = (*path, key)
            self._found.setdefault(path, line)
            path = self._current(path)
        path = (*path, last)
        if repeated:
            self._found.setdefault(path, line)
            self._lengths[path] = self._lengths.get(path, 0) + 1
            path = self._current(path)
        self._found.setdefault(path, line)
        return path

    def _current(self, path: KeyPath) -> KeyPath:
        """Inside an array of tables, its last element is meant."""
        return (*path, self._lengths[path] - 1) if path in self._lengths else path

    def _pair(self, table: KeyPath) -> KeyPath:
        line = self._line
        path = table
        for key in self._keys():
            path = (*path, key)
            self._found.setdefault(path, line)
        self._blank()
        self._step(1)  # =
        self._blank()
        self._value(path)
        return table

    def _value(self, path: KeyPath) -> None:
        self._found.setdefault(path, self._line)
        if self._peek("["):
            self._step(1)
            index = 0
            while self._more("]"):
                self._value((*path, index))
                index += 1
        elif self._peek("{"):
            self._step(1)
            while self._more("}"):
                self._pair(path)
        elif self._string() is None and (scalar := _SCALAR.match(self._text, self._at)):
            self._step(len(scalar[0]))

    def _more(self, end: str) -> bool:
        """Steps over what separates items; False once `end` is behind us."""
        while self._blank() and self._peek(","):
            self._step(1)
        if self._peek(end):
            self._step(1)
            return False
        return self._at < len(self._text)

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._blank()
            key = self._string()
            if key is None:
                match = _BARE_KEY.match(self._text, self._at)
                key = match[0] if match else ""
                self._step(max(1, len(key)))
            keys.append(key)
            self._blank()
            if not self._peek("."):
                return keys
            self._step(1)

    def _string(self) -> str | None:
        for pattern in _STRINGS:
            if match := pattern.match(self._text, self._at):
                self._step(len(match[0]))
                return match[1] if pattern.groups else ""
        return None

    def _blank(self) -> bool:
        """Steps over white space and comments; False at the end of the text."""
        while self._at < len(self._text):
            if self._peek("#"):
                end = self._text.find("\n", self._at)
                self._step((end if end >= 0 else len(self._text)) - self._at)
            elif self._text[self._at].isspace():
                self._step(1)
            else:
                return True
        return False

    def _peek(self, prefix: str) -> bool:
        return self._text.startswith(prefix, self._at)

    def _step(self, count: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count
