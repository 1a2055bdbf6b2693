"""Shared memory with a place for each worker: what one writes there all can read, also after its death."""

import mmap
import struct
import zlib

SIZE = 1 << 20  # bytes of one text; pages that are never written cost nothing
_HEADER = struct.Struct("=IIQ")  # CRC-32 of all that follows, length, number of the text
_TRIES = 3


class Board:
    """Made before the workers are forked. `places` of them, texts of at most `size` bytes.

    A place has two halves, written in turn and checked by a sum: a writer that dies in the middle, or is faster than
    a reader, spoils nothing. One writer a place.
    """

    def __init__(self, places: int, size: int = SIZE) -> None:
        self._size = size
        self._half = size + _HEADER.size
        self._memory = [mmap.mmap(-1, 2 * self._half) for _ in range(places)]

    def __len__(self) -> int:
        return len(self._memory)

    def write(self, place: int, text: bytes) -> bool:
        """Replace what stands at `place`. False, and nothing changes, if `text` is too long."""
        if len(text) > self._size:
            return False
        number = self.number(place) + 1
        memory, start = self._memory[place], number % 2 * self._half
        body = struct.pack("=IQ", len(text), number) + text
        memory[start + 4 : start + 4 + len(body)] = body
        memory[start : start + 4] = struct.pack("=I", zlib.crc32(body))
        return True

    def read(self, place: int) -> bytes | None:
        """The last text at `place`; None if there is none yet."""
        return self._last(place)[1]

    def number(self, place: int) -> int:
        """How many texts were written at `place`: a sign of life."""
        return self._last(place)[0]

    def _last(self, place: int) -> tuple[int, bytes | None]:
        found: tuple[int, bytes | None] = (0, None)
        for _ in range(_TRIES):  # both halves are being written only while we are overtaken
            for half in (0, 1):
                number, text = self._text(self._memory[place], half * self._half)
                if number > found[0]:
                    found = number, text
            if found[0]:
                break
        return found

    def _text(self, memory: mmap.mmap, start: int) -> tuple[int, bytes | None]:
        checksum, length, number = _HEADER.unpack(memory[start : start + _HEADER.size])
        if not number or length > self._size:
            return 0, None
        text = memory[start + _HEADER.size : start + _HEADER.size + length]
        whole = zlib.crc32(text, zlib.crc32(struct.pack("=IQ", length, number))) == checksum
        return (number, text) if whole else (0, None)
