"""Plain identity headers, for backends that cannot read a JWT."""

import json
from typing import Any
from urllib.parse import quote

from gateway.core.errors import GatewayError
from gateway.core.identity import Claims
from gateway.core.policy import Policy
from gateway.core.reasons import Reason

MAX_BYTES = 4096  # of names and values together


def plain_headers(policy: Policy, claims: Claims) -> list[tuple[bytes, bytes]]:
    """The headers that `policy` names, from `claims`; a claim that is absent or null gives none.

    Values are percent-encoded UTF-8; a list is its encoded items joined by commas; objects are encoded JSON.
    Raises GatewayError(500) rather than cut a value short.
    """
    found: list[tuple[bytes, bytes]] = []
    size = 0
    for name, claim in policy.headers:
        if (value := claims.get(claim)) is None:
            continue
        encoded = ",".join(map(_encoded, value)) if isinstance(value, list | tuple) else _encoded(value)
        size += len(name) + len(encoded)
        if size > MAX_BYTES:
            message = f"the plain headers of policy {policy.name!r} would exceed {MAX_BYTES} bytes"
            raise GatewayError(500, Reason.INTERNAL_ERROR, message)
        found.append((name.encode("ascii"), encoded.encode("ascii")))
    return found


def _encoded(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return quote(text, safe="", errors="replace")
