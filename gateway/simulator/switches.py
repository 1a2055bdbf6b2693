"""Faults that can be switched on: how WeChat and its clients misbehave in the field, some times or for good."""

import math
from dataclasses import dataclass

Value = bool | int | float


@dataclass(frozen=True, slots=True)
class SwitchKind:
    """One fault. `default` is what a plain `true` means; `on_phone`: offered on the phone page."""

    name: str
    chinese: str
    english: str
    default: Value = True
    on_phone: bool = False


KINDS = (
    # on the authorize page
    SwitchKind("authorize_error", "授权页报错", "authorize page shows this error number", 10009),
    SwitchKind("refuse", "用户拒绝", "callback carries no code"),
    SwitchKind("state_mutation", "state 被篡改", "the last character of state is changed"),
    SwitchKind("duplicate_callback", "重复回调", "WeChat's servers fetch the callback too, without cookies", 0, True),
    SwitchKind("two_codes_same_state", "同 state 两个 code", "a second callback: another code, the same state"),
    SwitchKind("reuse_code_on_fast_reopen", "快速重开得旧 code", "the previous code again, within seconds", 5, True),
    SwitchKind("append_client_params", "附加客户端参数", "uin, key, pass_ticket on the callback"),
    # at the token endpoint, before the code is spent
    SwitchKind("busy", "系统繁忙", "errcode -1", on_phone=True),
    SwitchKind("errcode", "返回错误码", "this errcode; 40125: wrong secret", 40125, True),
    SwitchKind("html_502", "502 网页", "an HTML error page"),
    # at the token endpoint, after the code was spent
    SwitchKind("slow", "响应慢", "seconds before the answer; 5 unless told", 5, True),
    SwitchKind("cut_after_consume", "中途断开", "the code is spent, then the connection drops", on_phone=True),
    SwitchKind("snapshot", "快照页", "a virtual identity: is_snapshotuser", on_phone=True),
    SwitchKind("garbage", "乱码", "bytes that are no JSON"),
    SwitchKind("huge_body", "超大响应", "this many megabytes", 16),
    SwitchKind("control_chars", "控制字符", "raw control characters inside the JSON"),
    SwitchKind("errcode_as_string", "错误码是字符串", "errcode as a JSON string, on errors"),
)
_BY_NAME = {kind.name: kind for kind in KINDS}


@dataclass(slots=True)
class _Set:
    value: Value
    left: int | None  # None: until switched off


class Switches:
    """Which faults are on."""

    def __init__(self) -> None:
        self._on: dict[str, _Set] = {}

    def set(self, name: str, value: Value = True, times: int | None = None) -> None:
        """Switch `name` on with `value`, for the next `times` occasions or for good; False is off.

        Raises ValueError for an unknown name or a senseless value.
        """
        kind = _BY_NAME.get(name)
        if kind is None:
            raise ValueError(f"no switch {name!r}; there are: {', '.join(_BY_NAME)}")
        wanted = bool if isinstance(kind.default, bool) else (bool, int, float)
        if not isinstance(value, wanted) or not math.isfinite(value):
            raise ValueError(f"{name}: {value!r} is not a value for it")
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            raise ValueError(f"{name}: times is a positive count, or null for good")
        if value is False:
            self._on.pop(name, None)
        else:
            self._on[name] = _Set(kind.default if value is True else value, times)

    def take(self, name: str) -> Value | None:
        """The value if the fault is to happen now, and counts it; None if not."""
        on = self._on.get(name)
        if on is None:
            return None
        if on.left is not None:
            on.left -= 1
            if on.left == 0:
                del self._on[name]
        return on.value

    def is_on(self, name: str) -> bool:
        """Whether the fault would happen next time."""
        return name in self._on

    def clear(self) -> None:
        """Switch everything off."""
        self._on.clear()

    def as_json(self) -> dict[str, dict[str, Value | None]]:
        """What is on, with its value and how many times are left."""
        return {name: {"value": on.value, "times": on.left} for name, on in self._on.items()}
