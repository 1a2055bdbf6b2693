"""Header edits: names in any spelling, values as configured."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.edits import FieldEdits
from gateway.core.fields import fold, response_names
from gateway.core.head import ResponseHead


def edits(set_: dict[str, str] | None = None, remove: tuple[str, ...] = ()) -> FieldEdits:
    made = FieldEdits.of((set_ or {}).items(), remove)
    assert made is not None
    return made


def test_nothing_to_edit_is_nothing() -> None:
    """A route without edits is told by None."""
    assert FieldEdits.of((), ()) is None


def test_what_is_set_replaces_and_what_is_removed_is_gone() -> None:
    """In every spelling that some upstream reads as the same name; the rest byte for byte, in order."""
    lines = [b"x_env: evil\r\n", b"Accept: */*\r\n", b"X.Debug:1\r\n", b"X-ENV: evil\r\n", b"X-Env2: a\r\n"]
    assert edits({"X-Env": "prod"}, ("x-debug",)).apply(lines) == [
        b"Accept: */*\r\n",
        b"X-Env2: a\r\n",
        b"X-Env: prod\r\n",
    ]


TOKEN = st.text("aAbB-_.1~", min_size=1, max_size=4).map(str.encode)


@given(st.lists(TOKEN, max_size=8), st.dictionaries(TOKEN, st.just("v"), max_size=3), st.lists(TOKEN, max_size=3))
def test_no_spelling_survives(sent: list[bytes], placed: dict[bytes, str], removed: list[bytes]) -> None:
    """Of a name that is set there is our one line; of a removed one none; of the others all."""
    made = FieldEdits.of(
        [(name.decode(), value) for name, value in placed.items()], [name.decode() for name in removed]
    )
    lines = [name + b": theirs\r\n" for name in sent]
    result = made.apply(lines) if made is not None else lines
    touched = {fold(name) for name in [*placed, *removed]}
    assert [line for line in result if line.endswith(b": theirs\r\n")] == [
        line for line in lines if fold(line.partition(b":")[0]) not in touched
    ]
    assert [line for line in result if line.endswith(b": v\r\n")] == [name + b": v\r\n" for name in placed]


def test_a_response_speaks_of_caching_as_it_was_edited() -> None:
    """What decides on `private, no-cache` and on renewals is what the client will read."""
    head = ResponseHead(200, True, [b"Cache-Control: public, max-age=60", b"X-A: 1"], response_names())
    head.memory["x"] = b"not the other's"

    silent = head.edited(edits(remove=("cache_control",)).apply(head.kept))
    assert (silent.cache_control, silent.shareable, silent.stale, silent.kept) == (False, False, False, [b"X-A: 1\r\n"])
    private = head.edited(edits({"Cache-Control": "private, no-cache"}).apply(head.kept))
    assert (private.cache_control, private.shareable, private.stale) == (True, False, True)
    assert (head.cache_control, head.shareable, len(head.kept)) == (True, True, 2)
    assert private.memory == {}
