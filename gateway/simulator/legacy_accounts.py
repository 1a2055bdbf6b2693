"""Who has an account in the demo legacy application, and what they ordered."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """One user of the legacy application."""

    user_id: str
    username: str
    password: str = field(repr=False)
    phone: str
    name: str
    roles: tuple[str, ...] = ("member",)

    def as_verified(self) -> dict[str, object]:
        """What a verifier answers about them: the user id and claims."""
        return {"user_id": self.user_id, "claims": {"name": self.name, "roles": list(self.roles)}}


@dataclass(frozen=True, slots=True)
class Order:
    """Something that somebody bought. `price` in yuan."""

    number: str
    day: str
    what: str
    price: int
    status: str


_TEAS = (
    ("明前龙井 250 g", 268),
    ("云南古树普洱 357 g", 199),
    ("武夷岩茶 100 g", 158),
    ("茉莉花茶 200 g", 66),
    ("青瓷盖碗", 120),
)
_STATUS = ("待发货", "运输中", "已签收")


def orders_of(user_id: str) -> tuple[Order, ...]:
    """The orders of a user, always the same three."""
    seed = sum(user_id.encode())
    return tuple(
        Order(
            number=f"{seed % 900 + 100}{index + 1}",
            day=f"2026-0{9 - index}-{(seed + 7 * index) % 27 + 1:02d}",
            what=_TEAS[(seed + index) % len(_TEAS)][0],
            price=_TEAS[(seed + index) % len(_TEAS)][1],
            status=_STATUS[index],
        )
        for index in range(3)
    )
