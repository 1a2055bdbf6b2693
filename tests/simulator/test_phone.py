"""The phone: who holds it, the menu, the faults."""

import pytest

from gateway.simulator.hints import demo_hints, demo_menu


async def test_shows_people_menu_hints_and_faults(open_wechat):
    """The page offers people, the menu's addresses, every demo account and fault switches, and runs no script."""
    wechat = await open_wechat(menu=demo_menu("http://127.0.0.1:8080"), hints=demo_hints())
    text = await (await wechat.get("/")).text()
    people, passwords = ("小明", "小红", "Alice"), ("longjing", "puer", "earlgrey")
    for expected in (*people, *passwords, 'href="http://127.0.0.1:8080/orders"', "快照页"):
        assert expected in text
    assert "<script" not in text


async def test_whoever_is_picked_signs_in(open_wechat):
    """Without a default user, the authorize page asks who holds the phone, then goes on to the callback."""
    wechat = await open_wechat(default_user="")
    path = wechat.authorize_path()
    response = await wechat.get(path)
    text = await response.text()
    assert response.status == 200
    assert path.replace("&", "&amp;") in text
    assert wechat.state.codes_issued == 0
    response = await wechat.client.post(
        "/phone/holder", data={"user": "xiaohong", "onward": path}, allow_redirects=False
    )
    assert (response.status, response.headers["Location"]) == (303, path)
    assert "HttpOnly" in response.headers["Set-Cookie"]
    assert "openid" in await wechat.exchange(await wechat.code())


async def test_the_next_person_does_not_inherit_cookies(open_wechat):
    """Handing the phone over ends what the last holder's pages kept on this host; picking oneself again does not."""
    wechat = await open_wechat(default_user="")

    async def pick(user, held):
        wechat.client.session.cookie_jar.clear()
        response = await wechat.client.post(
            "/phone/holder", data={"user": user}, allow_redirects=False, headers={"Cookie": f"{held}site=1; attempt=2"}
        )
        return sorted(name for name, cookie in response.cookies.items() if cookie["max-age"] == "0")

    assert await pick("xiaohong", "wechat_sim_user=xiaoming; ") == ["attempt", "site"]
    assert await pick("xiaoming", "wechat_sim_user=xiaoming; ") == []
    assert await pick("xiaoming", "") == []


@pytest.mark.parametrize(
    "onward", ["", "https://evil.example/", "//evil.example", "/connect/oauth2/authorize?\r\nX: y"]
)
async def test_onward_stays_on_the_authorize_page(wechat, onward):
    """After picking, the browser goes nowhere but to this server's authorize page."""
    response = await wechat.client.post(
        "/phone/holder", data={"user": "alice", "onward": onward}, allow_redirects=False
    )
    assert (response.status, response.headers["Location"]) == (303, "/")


async def test_strangers_cannot_hold_the_phone(wechat):
    """An unknown person is 400."""
    assert (await wechat.client.post("/phone/holder", data={"user": "<b>"})).status == 400


async def test_faults_flip(wechat):
    """A tap switches a fault on, another off; an unknown one is 400."""
    for on in (True, False):
        response = await wechat.client.post("/phone/switch", data={"name": "snapshot"}, allow_redirects=False)
        assert response.status == 303
        assert wechat.state.switches.is_on("snapshot") is on
    assert (await wechat.client.post("/phone/switch", data={"name": "x"})).status == 400


async def test_names_are_escaped(open_wechat):
    """Configured text cannot become markup."""
    wechat = await open_wechat(account_name="<img src=x>")
    assert "<img" not in await (await wechat.get("/")).text()
