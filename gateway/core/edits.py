"""Changes to a message's fields: names are compared as the laxest reader compares them."""

from collections.abc import Iterable
from dataclasses import dataclass

from .fields import fold


@dataclass(frozen=True, slots=True)
class FieldEdits:
    """`fields` replace whatever came under their names; what came under a name in `gone` (folded) is dropped."""

    fields: tuple[bytes, ...]  # whole lines
    gone: frozenset[bytes]

    @classmethod
    def of(cls, set_: Iterable[tuple[str, str]], remove: Iterable[str]) -> "FieldEdits | None":
        """From names and values, in ASCII; None if nothing changes."""
        pairs = [(name.encode("ascii"), value.encode("ascii")) for name, value in set_]
        names = [name for name, _ in pairs] + [name.encode("ascii") for name in remove]
        if not names:
            return None
        return cls(tuple(b"%b: %b\r\n" % pair for pair in pairs), frozenset(map(fold, names)))

    def __str__(self) -> str:
        """Which names, without values: those may be secrets."""
        set_ = [line.partition(b":")[0].decode("ascii") for line in self.fields]
        removed = sorted(self.gone - {fold(name.encode("ascii")) for name in set_})
        parts = [f"set {', '.join(set_)}"] if set_ else []
        if removed:
            parts.append(f"remove {', '.join(name.decode('ascii') for name in removed)}")
        return "; ".join(parts)

    def apply(self, lines: Iterable[bytes]) -> list[bytes]:
        """Whole field lines as they travel on: what stays as it came, then what is set."""
        kept = [line for line in lines if fold(line.partition(b":")[0]) not in self.gone]
        return [*kept, *self.fields]
