"""Class H: one account, several counters."""

from collections.abc import Sequence
from urllib.parse import urlencode

from tests.service.conftest import House, Open, ticket_in
from tests.service.raw import Browser, target_of


async def guess(house: House, browser: Browser, who: str, usernames: Sequence[str]) -> list[int]:
    """Try a wrong password for each name, four to a dance: so no ticket's own five tries are used up."""
    statuses = []
    for number, username in enumerate(usernames):
        if number % 4 == 0:
            answer = await house.dance(browser, "/_gateway/login?return_to=/orders", who)
            page = await browser.get(target_of(answer.get("location") or "", house.origin))
            assert page.status == 200, page.body
        form = {"ticket": ticket_in(page), "username": username, "password": "wrong-password-x", "consent": "1"}
        page = await browser.post("/_gateway/bind", urlencode(form).encode())
        statuses.append(page.status)
        if page.status == 429:
            break
    return statuses


async def test_CVE_2026_47203_spellings_of_one_name_share_a_budget(open_house: Open) -> None:
    """Authelia gave "john", "John" and "JOHN" a counter each; we count the folded name, whoever guesses.

    Beyond the account's failures not even the right password shows.
    """
    house: House = await open_house(lockout="failures_per_account = 20")
    spellings = ["Alice", "alice", "ALICE", " alice ", "ａｌｉｃｅ"]
    statuses = []
    for number in range(5):
        statuses += await guess(house, house.browser(), f"u{number}", spellings[:4])
    assert statuses == [401] * 20
    for number, spelling in enumerate(["alice", *spellings]):
        browser = house.browser()
        landed = await house.dance(browser, "/orders", f"u{10 + number}")
        assert (await house.bind(browser, landed.get("location") or "", spelling)).status == 401
    browser = house.browser()
    landed = await house.dance(browser, "/orders", "u20")
    assert (await house.bind(browser, landed.get("location") or "", "xiaohong")).status == 303


async def test_CVE_2025_24806_another_identifier_is_no_fresh_budget(house: House) -> None:
    """Authelia counted username and e-mail apart, which doubles the guesses; the guesser's own WeChat counts too."""
    statuses = await guess(house, house.browser(), "u0", [f"name-{number}" for number in range(40)])
    assert statuses == [401] * 30 + [429]
    for username in ("xiaohong", "xiaohong@example.com", "13800138000"):
        assert await guess(house, house.browser(), "u0", [username]) == [429]
