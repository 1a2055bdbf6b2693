"""What a verifier may say of a user: a user id that every backend can hold, and claims of bounded size."""

import json
import unicodedata
from typing import Any

from gateway.core.identity import Claims

MAX_USER_ID = 255  # characters; as wide as its columns
MAX_CLAIMS = 4096  # bytes of JSON
MAX_DEPTH = 8

_FORBIDDEN = {"Cc", "Cs", "Zl", "Zp"}  # controls, lone surrogates, line and paragraph separators


def checked_user_id(value: object) -> str:
    """The user id as it is, a whole number as its digits. Raises ValueError, which says what is wrong with it.

    It is never repaired: two spellings of one id would be two users.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError("user_id is neither a string nor a whole number")
    if not 1 <= len(value) <= MAX_USER_ID:
        raise ValueError(f"user_id does not have 1 to {MAX_USER_ID} characters")
    if any(unicodedata.category(character) in _FORBIDDEN for character in value):
        raise ValueError("user_id has control characters")
    if value != value.strip():
        raise ValueError("user_id begins or ends with a space")
    if not unicodedata.is_normalized("NFC", value):
        raise ValueError("user_id is not in Unicode's composed form (NFC)")
    if value[:3].lower() == "wx:":
        raise ValueError("user_id begins with wx:, which names WeChat users without a binding")
    return value


def checked_claims(value: object) -> Claims:
    """Claims as they are, none for null. Raises ValueError unless they are a JSON object within the limits."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("claims are not a JSON object")
    if _depth(value) > MAX_DEPTH:
        raise ValueError(f"claims are nested more than {MAX_DEPTH} deep")
    try:
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except (ValueError, TypeError):  # NaN, a lone surrogate, a date
        raise ValueError("claims are not plain JSON") from None
    if size > MAX_CLAIMS:
        raise ValueError(f"claims have more than {MAX_CLAIMS} bytes")
    if not _only_string_keys(value):
        raise ValueError("claims are not plain JSON")
    return value


def _depth(value: Any) -> int:
    """How deep containers are nested; stops counting just past the limit."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        containers = [item for item in level if isinstance(item, dict | list)]
        depth += bool(containers)
        level = [inner for outer in containers for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return depth


def _only_string_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _only_string_keys(inner) for key, inner in value.items())
    return not isinstance(value, list) or all(map(_only_string_keys, value))
