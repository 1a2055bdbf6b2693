"""A hand-over: a phone with WeChat logs another browser in. Its stages, and the only steps between them.

    open ──claim──▶ claimed ──approve──▶ approved ──▶ (taken by the browser, once)
      │                ├──mistake──▶ mistaken
      └────refuse──────┴──refuse───▶ refused

The browser shows the number only once a phone has claimed: a picture of the code, sent to somebody, holds none.
"""

from collections.abc import Mapping
from enum import StrEnum


class Stage(StrEnum):
    """How far it is. It ends two minutes after it began, whatever its stage."""

    OPEN = "open"
    CLAIMED = "claimed"
    APPROVED = "approved"
    MISTAKEN = "mistaken"
    REFUSED = "refused"


class Step(StrEnum):
    """What the person at the phone did: went on, typed the number or another one, said no."""

    CLAIM = "claim"
    APPROVE = "approve"
    MISTAKE = "mistake"
    REFUSE = "refuse"


STEPS: Mapping[tuple[Stage, Step], Stage] = {
    (Stage.OPEN, Step.CLAIM): Stage.CLAIMED,
    (Stage.OPEN, Step.REFUSE): Stage.REFUSED,
    (Stage.CLAIMED, Step.APPROVE): Stage.APPROVED,
    (Stage.CLAIMED, Step.MISTAKE): Stage.MISTAKEN,
    (Stage.CLAIMED, Step.REFUSE): Stage.REFUSED,
}
