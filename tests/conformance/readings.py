"""What upstreams of many kinds may take a target's path for. Written apart from the gateway's own idea of it."""

import re
from urllib.parse import unquote_to_bytes

_OVERLONG = (("\xc0\xae", "."), ("\xe0\x80\xae", "."), ("\xc0\xaf", "/"), ("\xe0\x80\xaf", "/"), ("\xc1\x9c", "\\"))
_WIDE = (("\xef\xbc\x8e", "."), ("\xef\xbc\x8f", "/"), ("\xef\xbc\xbc", "\\"))  # full-width forms in UTF-8
_ENOUGH = 3000


def readings(target: str) -> set[str]:
    """All paths, in lower case, that some order of the known steps makes of a target (latin-1)."""
    path = re.sub(r"\A[a-z][a-z0-9+.-]*://[^/?#]*", "", target, flags=re.IGNORECASE) or "/"
    found = {re.split(r"[?#]", path)[0]}
    fresh = list(found)
    while fresh and len(found) < _ENOUGH:
        path = fresh.pop()
        for step in _STEPS:
            other = step(path)
            if other not in found:
                found.add(other)
                fresh.append(other)
    return {path.lower() for path in found}


def only_below_public(target: str) -> bool:
    """Whether nobody takes the target for anything but /public or something below it."""
    return all(re.match(r"/*public(/|\Z)", path) and ".." not in path.split("/") for path in readings(target))


def _decoded(path: str) -> str:
    return unquote_to_bytes(path.encode("latin-1")).decode("latin-1")


def _decoded_as_iis(path: str) -> str:
    return re.sub(r"%u00([0-9a-fA-F]{2})", lambda escape: chr(int(escape[1], 16)), path)


def _shortened(path: str) -> str:
    for lax, plain in (*_OVERLONG, *_WIDE):
        path = path.replace(lax, plain)
    return path


def _without_parameters(path: str) -> str:
    return re.sub(r";[^/]*", "", path)


def _without_controls(path: str) -> str:
    return re.sub(r"[\x00-\x1f]", "", path)


def _trimmed(path: str) -> str:
    """As Windows trims names; "." and ".." are no names."""
    return "/".join(name if name in (".", "..") else name.rstrip(" .\t") for name in path.split("/"))


def _resolved(path: str) -> str:
    names: list[str] = []
    for name in path.split("/"):
        if name == ".." and len(names) > 1:
            names.pop()
        elif name not in (".", ".."):
            names.append(name)
    return "/".join(names) or "/"


_STEPS = (
    _decoded,
    _decoded_as_iis,
    _shortened,
    _without_parameters,
    _without_controls,
    _trimmed,
    _resolved,
    lambda path: path.split("\0")[0],
    lambda path: re.split(r"[?#]", path)[0],
    lambda path: path.replace("\\", "/"),
    lambda path: re.sub("//+", "/", path),
)
