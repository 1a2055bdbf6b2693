"""Rise and fall of a server, by its checks: a pure count."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.health import Health, check_request


@given(checks=st.lists(st.booleans(), max_size=60), rise=st.integers(1, 4), fall=st.integers(1, 4))
def test_it_takes_so_many_in_a_row(checks: list[bool], rise: int, fall: int) -> None:
    """A server changes exactly when the last checks all say so, and begins fit."""
    health, fit = Health(rise, fall), True
    since = 0
    for number, passed in enumerate(checks, 1):
        needed = fall if fit else rise
        recent = checks[max(since, number - needed) : number]
        turns = len(recent) == needed and all(each is not fit for each in recent)
        assert health.note(passed) is turns
        if turns:
            fit, since = not fit, number
        assert health.fit is fit


def test_what_a_check_says() -> None:
    """A GET that ends its connection."""
    assert check_request("/fit?x", "a.test:1") == (
        b"GET /fit?x HTTP/1.1\r\nHost: a.test:1\r\nUser-Agent: gateway-health\r\nAccept: */*\r\n"
        b"Connection: close\r\n\r\n"
    )
