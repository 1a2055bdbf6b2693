"""From a row of a legacy database to a user: what databases call numbers, texts and times, as plain JSON."""

import datetime
import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.core.identity import Claims

from .user_id import MAX_CLAIMS, checked_claims, checked_user_id


def user_id_in(row: Mapping[str, Any], column: str) -> str:
    """The user id. Raises ValueError."""
    try:
        return checked_user_id(_plain(_value(row, column)))
    except ValueError as error:
        raise ValueError(f"column {column!r}: {error}") from None


def claims_in(row: Mapping[str, Any], columns: Mapping[str, str], json_column: str | None) -> Claims:
    """Claims of columns, over those of a JSON object; NULL is no claim. Raises ValueError."""
    claims: dict[str, Any] = _object(_value(row, json_column), json_column) if json_column is not None else {}
    for claim, column in columns.items():
        try:
            value = _plain(_value(row, column))
        except ValueError as error:
            raise ValueError(f"column {column!r}: {error}") from None
        if value is not None:
            claims[claim] = value
    return checked_claims(claims)


def text_or_bytes(row: Mapping[str, Any], column: str) -> str | bytes | None:
    """What a column of texts, bytes or whole numbers holds. Raises ValueError."""
    value = _value(row, column)
    if isinstance(value, memoryview | bytearray):
        value = bytes(value)
    if isinstance(value, int | uuid.UUID) and not isinstance(value, bool):
        value = str(value)
    if value is not None and not isinstance(value, str | bytes):
        raise ValueError(f"column {column!r} holds neither text nor bytes")
    return value


def _value(row: Mapping[str, Any], column: str) -> Any:
    try:
        return row[column]
    except KeyError:
        raise ValueError(f"the query gives no column {column!r}; it gives {', '.join(row)}") from None


def _plain(value: Any) -> Any:
    """`value` in JSON's types. A Decimal is a number; dates and times are ISO 8601."""
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if value is None or isinstance(value, str | int | float | dict):
        return value
    raise ValueError(f"holds a {type(value).__name__}, which is no text, number or time")


def _object(value: Any, column: str) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str) and len(value) <= MAX_CLAIMS:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError(f"column {column!r} is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError(f"column {column!r} is not a JSON object of at most {MAX_CLAIMS} characters")
    return dict(value)
