"""User ids and claims: taken as they are, or not at all."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.verifiers.user_id import MAX_CLAIMS, MAX_DEPTH, MAX_USER_ID, checked_claims, checked_user_id


@pytest.mark.parametrize(
    ("value", "user_id"),
    [
        ("42", "42"),
        (42, "42"),
        (0, "0"),
        (-1, "-1"),
        ("张三", "张三"),
        ("zhang san", "zhang san"),
        ("a@b.test", "a@b.test"),
        ("👩‍💻", "👩‍💻"),
        ("Admin", "Admin"),
        ("x" * MAX_USER_ID, "x" * MAX_USER_ID),
        ("wxid_1", "wxid_1"),
    ],
)
def test_a_user_id_is_kept_as_it_is(value: Any, user_id: str) -> None:
    """Case, script and inner spaces are the legacy system's business; whole numbers become their digits."""
    assert checked_user_id(value) == user_id


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1.0,
        [],
        {},
        b"42",
        "",
        " 42",
        "42 ",
        "42\u3000",
        "4\r\n2",
        "4\x002",
        "4\x7f2",
        "4\x852",
        "4\u20282",
        "\ud800",
        "x" * (MAX_USER_ID + 1),
        "e\u0301",
        "wx:42",
        "WX:42",
    ],
)
def test_a_user_id_that_backends_could_misread_is_refused(value: Any) -> None:
    """Odd types, controls, outer spaces, uncomposed text, our own wx: names."""
    with pytest.raises(ValueError, match="user_id"):
        checked_user_id(value)


@given(st.text())
def test_a_user_id_is_unchanged_or_refused(text: str) -> None:
    """It is never repaired."""
    with contextlib.suppress(ValueError):
        assert checked_user_id(text) == text


def test_a_huge_number_is_refused() -> None:
    """Even one that Python will not print."""
    with pytest.raises(ValueError):  # noqa: PT011
        checked_user_id(10**5000)


@pytest.mark.parametrize("value", [{}, {"name": "张三", "roles": ["a"], "n": 1.5, "x": None, "deep": {"a": [{}]}}])
def test_claims_are_kept_as_they_are(value: Any) -> None:
    """Any JSON object within the limits."""
    assert checked_claims(value) == value


def test_no_claims_are_no_claims() -> None:
    """A verifier may leave them out."""
    assert checked_claims(None) == {}


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": [value]} if depth < 3 else {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        [],
        "name",
        1,
        {"x": float("nan")},
        {"x": "\ud800"},
        {"x": {1, 2}},
        {1: "x"},
        {"x": [{2: 1}]},
        {"x": "y" * MAX_CLAIMS},
        nested(MAX_DEPTH + 1),
        nested(5000),
    ],
)
def test_claims_that_are_no_small_json_object_are_refused(value: Any) -> None:
    """Bounded in depth and size, and plain JSON."""
    with pytest.raises(ValueError, match=r"claims (are|have)"):
        checked_claims(value)


def test_claims_may_be_nested_to_the_limit() -> None:
    """The limit itself is allowed."""
    assert checked_claims(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
