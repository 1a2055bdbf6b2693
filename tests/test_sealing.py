"""Sealed values and keyed names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sealing import KeyedHash, Sealer, derive, token_hash

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


@given(st.binary(max_size=200))
def test_what_was_sealed_opens_with_any_of_the_keys(value: bytes) -> None:
    """The first seals, all open: so keys rotate."""
    old, both, new = Sealer([OLD], "session"), Sealer([NEW, OLD], "session"), Sealer([NEW], "session")
    assert both.open(old.seal(value, now=1)) == value
    assert new.open(both.seal(value, now=1)) == value
    assert old.open(new.seal(value, now=1)) is None


def test_each_purpose_has_keys_of_its_own() -> None:
    """A state cookie is never a session."""
    assert Sealer([OLD], "session").open(Sealer([OLD], "attempt").seal(b"x", now=1)) is None
    assert len({derive(OLD, purpose) for purpose in ("a", "b", "session")}) == 3
    assert derive(OLD, "a") != derive(NEW, "a")


@given(st.one_of(st.text(), st.binary()))
def test_nothing_else_opens_and_nothing_raises(token: str | bytes) -> None:
    """Whatever a client sends for a token."""
    assert Sealer([OLD], "session").open(token) is None


def test_a_changed_token_does_not_open() -> None:
    """Not in any of its characters."""
    sealer = Sealer([OLD], "session")
    token = sealer.seal(b"value", now=1)
    for index in range(len(token)):
        changed = token[:index] + ("A" if token[index] != "A" else "B") + token[index + 1 :]
        assert sealer.open(changed) is None


def test_a_token_has_one_spelling() -> None:
    """The bits and characters that base64 skips are no room for a second one."""
    sealer = Sealer([OLD], "session")
    token = next(t for t in (sealer.seal(b"value", now=now) for now in range(1000)) if "-" in t and "_" in t)
    last = token.rstrip("=")[-1]
    respelled = [
        token.replace("-", "+"),
        token.replace("_", "/"),
        token + "\n",
        token[:9] + "!" + token[9:],
        token + "=",
    ]
    respelled += [token.replace(last + "=", chr(ord(last) + 1) + "=")]
    assert [sealer.open(other) for other in respelled] == [None] * 6
    assert sealer.open(token) == sealer.open(token.encode()) == b"value"


@given(st.lists(st.text(max_size=10), max_size=4), st.lists(st.text(max_size=10), max_size=4))
def test_names_are_of_the_parts_not_of_their_sum(some: list[str], other: list[str]) -> None:
    """("ab", "c") and ("a", "bc") have different names, under any key."""
    names = KeyedHash([OLD], "subjects")
    assert (names.name(*some) == names.name(*other)) == (some == other)


def test_names_follow_the_keys() -> None:
    """The current name first; older ones are still recognised; another purpose's never."""
    old, both = KeyedHash([OLD], "subjects"), KeyedHash([NEW, OLD], "subjects")
    assert both.names("main", "o1") == [KeyedHash([NEW], "subjects").name("main", "o1"), old.name("main", "o1")]
    assert both.matches(old.name("main", "o1"), "main", "o1")
    assert not old.matches(both.name("main", "o1"), "main", "o1")
    assert not both.matches(KeyedHash([OLD], "other").name("main", "o1"), "main", "o1")
    assert not both.matches("\u00e9", "main", "o1")


def test_a_half_surrogate_has_a_name_too() -> None:
    """JSON can carry one; it must not be an error that only some see."""
    assert KeyedHash([OLD], "a").name("\ud800") != KeyedHash([OLD], "a").name("\ud801")


@pytest.mark.parametrize("token", ["", "a", "x" * 1000])
def test_token_hashes_are_43_url_safe_characters(token: str) -> None:
    """They are keys of rows."""
    assert len(token_hash(token)) == 43
    assert token_hash(token) != token_hash(token + "x")
