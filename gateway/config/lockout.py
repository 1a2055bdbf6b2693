"""The [bind.lockout] table: what wrong passwords and codes cost, and how little their answers tell."""

from typing import Annotated

from pydantic import ValidationInfo, field_validator

from .context import Section, key
from .values import Duration, Seconds, between


class Lockout(Section):
    """Wrong passwords and codes: first a delay, then a lock, which ends by itself."""

    failures: int = key(
        default=10,
        ge=3,
        le=1000,
        description="Wrong proofs by one WeChat user at one account, within an hour, that lock it for this user.",
    )
    delay_after: int = key(
        default=6,
        ge=1,
        le=1000,
        description="Behind so many of them the next try must wait. By default one more than the five of a page.",
    )
    delay: Annotated[Seconds, between("1s", "10m")] = key(
        default="1s", description="How long, at first; twice as long behind each further one."
    )
    max_delay: Annotated[Seconds, between("1s", "1h")] = key(default="60s", description="How long at most.")
    lock: Annotated[Seconds, between("1m", "1d")] = key(default="30m", description="How long a lock lasts.")
    failures_per_account: int = key(
        default=50,
        ge=10,
        le=10_000,
        description="Wrong proofs at one account, within an hour, by whomever, that lock it for everybody.",
    )
    failures_per_wechat: int = key(
        default=30, ge=5, le=10_000, description="Wrong proofs by one WeChat user an hour, at whatever accounts."
    )
    failures_in_all: int = key(
        default=10_000, ge=100, le=100_000_000, description="Wrong proofs an hour in all, by whomever."
    )
    floor: Annotated[Duration, between("10ms", "5s")] = key(
        default="300ms",
        description="Wrong proofs and requests for codes are answered after this time, or a multiple: longer than the "
        "legacy system usually takes.",
    )

    @field_validator("max_delay")
    @classmethod
    def _not_below_the_first(cls, most: int, info: ValidationInfo) -> int:
        first = info.data.get("delay")
        if first is not None and most < first:
            raise ValueError("must not be below delay")
        return most

    @field_validator("failures_per_account")
    @classmethod
    def _not_below_one_users(cls, most: int, info: ValidationInfo) -> int:
        own = info.data.get("failures")
        if own is not None and most < own:
            raise ValueError("must not be below failures: one WeChat user could lock an account for everybody")
        return most
