"""Where a body ends, for every way in which its bytes can be split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.framing import LAST_CHUNK, BadFraming, BodyReader, Chunked, FixedLength, NoBody, UntilClose, chunk


def read(reader: BodyReader, data: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """Payload and leftover of `data`, fed in the pieces that `cuts` make. What follows the end is never fed."""
    payload, start = b"", 0
    for end in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        taken, rest = reader.feed(data[start:end])
        payload += taken
        start = end
        if reader.done:
            return payload, rest + data[end:]
        assert rest == b""
    return payload, b""


CUTS = st.lists(st.integers(0, 10_000), max_size=20)
PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=8)
EXTENSION = st.sampled_from([b"", b";a=b", b";x", b' ;q="y"'])
TRAILERS = st.lists(st.sampled_from([b"A: b", b"X-T:", b"Z: \xff"]), max_size=3)


@given(PIECES, CUTS, st.binary(max_size=30))
def test_chunked_round_trip(pieces: list[bytes], cuts: list[int], behind: bytes) -> None:
    """What `chunk` wrote is read, however it is split; what stands behind is left exactly."""
    data = b"".join(map(chunk, pieces)) + LAST_CHUNK + behind
    assert read(Chunked(), data, cuts) == (b"".join(pieces), behind)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=20), EXTENSION), max_size=6), TRAILERS, CUTS, st.binary())
def test_extensions_and_trailers_are_dropped(
    pieces: list[tuple[bytes, bytes]], trailers: list[bytes], cuts: list[int], behind: bytes
) -> None:
    """They are read over, whatever the split."""
    data = b"".join(b"%X%b\r\n%b\r\n" % (len(piece), extension, piece) for piece, extension in pieces)
    data += b"000\r\n" + b"".join(line + b"\r\n" for line in trailers) + b"\r\n" + behind
    assert read(Chunked(), data, cuts) == (b"".join(piece for piece, _ in pieces), behind)


@given(st.lists(st.sampled_from([b"5", b"\r\n", b"\r", b"\n", b"0", b"hello", b";", b" ", b"a: b", b"ff"])), CUTS, CUTS)
def test_the_split_never_matters(parts: list[bytes], some: list[int], other: list[int]) -> None:
    """For any bytes, good or bad, every split comes to the same end: the same payload and leftover, or a refusal."""
    data = b"".join(parts)

    def outcome(cuts: list[int]) -> object:
        reader = Chunked()
        try:
            return (*read(reader, data, cuts), reader.done)
        except BadFraming:
            return "refused"

    first, second, whole = outcome(some), outcome(other), outcome([])
    assert first == second == whole


BAD = [
    b"\r\n",
    b"-1\r\n",
    b"+1\r\n",
    b" 1\r\n",
    b"0x1\r\n",
    b"1_0\r\n",
    b"g\r\n",
    b"5\nhello\n0\n\n",
    b"5\rhello\r",
    b"5\r\r\nhello\r\n",
    b"5\r\nhelloX\r\n",
    b"5\r\nhello\n0\r\n\r\n",
    b"5;a=\x01\r\n",
    b"1" * 17 + b"\r\n",
    b"1;" + b"x" * 5000,
    b"1;" + b"x" * 5000 + b"\r\n",
    b"0\r\nbad trailer\r\n\r\n",
    b"0\r\n a: folded\r\n\r\n",
    b"0\r\na: \x00\r\n\r\n",
    b"0\r\n" + b"a: b\r\n" * 2000 + b"\r\n",
    (b"1;" + b"x" * 4000 + b"\r\na\r\n") * 100,
]


@pytest.mark.parametrize("data", BAD)
@pytest.mark.parametrize("step", [1, 7, 1_000_000])
def test_what_others_could_read_differently_is_refused(data: bytes, step: int) -> None:
    """No sign, space, underscore or bare line end; extensions, trailers and overhead have their limits."""
    with pytest.raises(BadFraming):
        read(Chunked(), data, list(range(0, len(data), step)))


@pytest.mark.parametrize("data", [b"z", b"-", b" ", b"5x", b"11111111111111111"])
def test_nonsense_is_refused_before_its_line_ends(data: bytes) -> None:
    """Nobody waits for the end of a size that can no longer become one."""
    with pytest.raises(BadFraming):
        Chunked().feed(data)


def test_a_huge_size_is_only_a_number() -> None:
    """Sixteen digits are a promise of bytes; nothing is allocated for it."""
    reader = Chunked()
    assert reader.feed(b"ffffffffffffffff\r\nabc") == (b"abc", b"")
    assert not reader.done


@given(st.integers(0, 60), st.binary(max_size=80), CUTS)
def test_fixed_length_takes_exactly_its_bytes(length: int, data: bytes, cuts: list[int]) -> None:
    """Never one more, in any split."""
    reader = FixedLength(length)
    assert read(reader, data, cuts) == (data[:length], data[length:])
    assert reader.done == (len(data) >= length)


def test_no_body_takes_nothing_and_until_close_takes_all() -> None:
    """The two simple framings."""
    assert NoBody().feed(b"next") == (b"", b"next")
    assert NoBody().done
    reader = UntilClose()
    assert reader.feed(b"all") == (b"all", b"")
    assert not reader.done
