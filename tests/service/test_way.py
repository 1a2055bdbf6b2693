"""The whole way of one person: a page asked for, the silent dance, the bind page, the page again, with X-User."""

from .conftest import House, claims_in
from .raw import target_of


async def test_from_a_page_to_wechat_to_the_bind_page_and_back(house: House) -> None:
    """A tap ends on the legacy page that was asked for, with a verified X-User; the second visit shows no login."""
    browser = house.browser()
    answer = await house.dance(browser, "/orders?x=1;y=%2F")
    assert answer.status == 302
    assert "/_gateway/bind?ticket=" in (answer.get("location") or "")
    answer = await house.bind(browser, answer.get("location") or "")
    assert answer.status == 303
    assert answer.get("location") == "/orders?x=1;y=%2F#"
    answer = await browser.get(target_of(answer.get("location") or "", house.origin))
    assert answer.status == 200
    claims = claims_in(answer)
    assert claims["sub"] == "1001"
    assert claims["bound"] is True
    assert claims["amr"] == ["wechat", "pwd"]
    assert claims["name"] == "Xiaoming"
    assert house.upstream.seen[-1].target == "/orders?x=1;y=%2F"
    assert house.upstream.seen[-1].get("cookie") is None

    again = house.browser()
    answer = await house.dance(again, "/orders")
    assert answer.get("location") == "/orders#"
    assert claims_in(await again.get("/orders"))["sub"] == "1001"
