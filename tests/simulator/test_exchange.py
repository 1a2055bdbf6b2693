"""The token endpoint: single use, five minutes, errors by number, and each fault."""

import json
import re

import aiohttp
import pytest

from gateway.simulator.switches import KINDS, Switches


async def test_success_has_no_errcode_and_a_stable_openid(wechat):
    """A code brings an OpenId of 28 characters, the same for the same user each time, and no errcode."""
    first, second = [await wechat.exchange(await wechat.code()) for _ in range(2)]
    assert set(first) == {"access_token", "expires_in", "refresh_token", "openid", "scope"}
    assert re.fullmatch(r"o[A-Za-z0-9_-]{27}", first["openid"])
    assert first["openid"] == second["openid"]
    assert first["access_token"] != second["access_token"]


async def test_openid_differs_by_user_and_app(wechat):
    """Another person or another app is another OpenId."""
    ming = await wechat.exchange(await wechat.code())
    other_app = "wx0000000000000001"
    there = await wechat.exchange(await wechat.code(appid=other_app), appid=other_app, secret="other")
    await wechat.client.post("/phone/holder", data={"user": "alice"})
    alice = await wechat.exchange(await wechat.code())
    assert len({ming["openid"], there["openid"], alice["openid"]}) == 3


async def test_union_id_only_with_userinfo(wechat):
    """A UnionId comes with snsapi_userinfo and not with snsapi_base."""
    assert "unionid" not in await wechat.exchange(await wechat.code())
    assert (await wechat.exchange(await wechat.code(scope="snsapi_userinfo")))["unionid"]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"appid": ""}, 41002),
        ({"appid": "wx9"}, 40013),
        ({"secret": ""}, 41004),
        ({"secret": "wrong"}, 40125),
        ({"grant_type": "password"}, 40002),
        ({"grant_type": ""}, 40002),
        ({"code": ""}, 41008),
        ({"code": "0unknown"}, 40029),
        ({"appid": "wx0000000000000001", "secret": "other"}, 40029),
    ],
)
async def test_errors_by_number(wechat, changes, errcode):
    """Each wrong field has WeChat's errcode, the text carries a rid of three hex words, and the code survives."""
    code = await wechat.code()
    reply = await wechat.exchange(**({"code": code} | changes))
    assert reply["errcode"] == errcode
    assert re.search(r", rid: 6553f100-[0-9a-f]{8}-[0-9a-f]{8}$", reply["errmsg"])
    assert "openid" in await wechat.exchange(code)


async def test_a_code_works_once(wechat):
    """The second exchange is 40163."""
    code = await wechat.code()
    assert "openid" in await wechat.exchange(code)
    assert (await wechat.exchange(code))["errcode"] == 40163


async def test_a_code_lives_five_minutes(wechat):
    """300 s is still good, a second more is 40029."""
    first, second = await wechat.code(), await wechat.code()
    wechat.now[0] += 300
    assert "openid" in await wechat.exchange(first)
    wechat.now[0] += 1
    assert (await wechat.exchange(second))["errcode"] == 40029


async def test_busy_spends_nothing(wechat):
    """`busy` answers -1 as often as told, then the same code works."""
    code = await wechat.code()
    wechat.state.switches.set("busy", times=2)
    assert [(await wechat.exchange(code)).get("errcode") for _ in range(3)] == [-1, -1, None]


async def test_any_errcode_also_as_a_string(wechat):
    """`errcode` answers that number and `errcode_as_string` writes it as a string."""
    code = await wechat.code()
    wechat.state.switches.set("errcode", 45011, times=2)
    assert (await wechat.exchange(code))["errcode"] == 45011
    wechat.state.switches.set("errcode_as_string", times=1)
    assert (await wechat.exchange(code))["errcode"] == "45011"
    assert "openid" in await wechat.exchange(code)


async def test_html_502_spends_nothing(wechat):
    """`html_502` is an HTML page with 502, and the code still works."""
    code = await wechat.code()
    wechat.state.switches.set("html_502", times=1)
    response = await wechat.exchange_raw(code)
    assert (response.status, response.content_type) == (502, "text/html")
    assert "openid" in await wechat.exchange(code)


async def test_cut_after_consume(wechat):
    """`cut_after_consume` drops the connection and the code is gone."""
    code = await wechat.code()
    wechat.state.switches.set("cut_after_consume", times=1)
    with pytest.raises(aiohttp.ClientError):
        await wechat.exchange_raw(code)
    assert (await wechat.exchange(code))["errcode"] == 40163
    assert len(wechat.state.exchanged) == 1


async def test_slow_waits_after_spending(wechat):
    """`slow` waits that many seconds before the answer."""
    wechat.state.switches.set("slow", 15, times=1)
    assert "openid" in await wechat.exchange(await wechat.code())
    assert wechat.slept == [15.0]


async def test_snapshot_is_a_virtual_identity(wechat):
    """`snapshot` marks the reply and its OpenId is nobody's, another each time."""
    real = await wechat.exchange(await wechat.code())
    wechat.state.switches.set("snapshot")
    first, second = [await wechat.exchange(await wechat.code()) for _ in range(2)]
    assert (first["is_snapshotuser"], "is_snapshotuser" in real) == (1, False)
    assert len({first["openid"], second["openid"], real["openid"]}) == 3
    assert len(first["openid"]) == 28


async def test_garbage_is_no_json(wechat):
    """`garbage` is 200 and neither JSON nor UTF-8."""
    wechat.state.switches.set("garbage", times=1)
    response = await wechat.exchange_raw(await wechat.code())
    body = await response.read()
    assert response.status == 200
    with pytest.raises(UnicodeDecodeError):
        body.decode()


async def test_control_characters_break_strict_readers_only(wechat):
    """`control_chars` is JSON to a lenient reader and an error to a strict one."""
    wechat.state.switches.set("control_chars", times=1)
    body = await (await wechat.exchange_raw(await wechat.code())).read()
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    assert json.loads(body, strict=False)["openid"]


async def test_huge_body_is_as_big_as_told(wechat):
    """`huge_body` sends that many megabytes of JSON."""
    wechat.state.switches.set("huge_body", 2, times=1)
    body = await (await wechat.exchange_raw(await wechat.code())).read()
    assert len(json.loads(body)["padding"]) == 2 << 20


async def test_switches_over_http(wechat):
    """`POST /sim/switch` sets a fault, the state shows it, and `POST /sim/reset` makes all as new."""
    code = await wechat.code()
    response = await wechat.client.post("/sim/switch", json={"name": "errcode", "value": 40013, "times": 3})
    assert await response.json() == {"errcode": {"value": 40013, "times": 3}}
    assert (await wechat.exchange(code))["errcode"] == 40013
    assert (await (await wechat.get("/sim/state")).json())["switches"]["errcode"]["times"] == 2
    await wechat.client.post("/sim/reset")
    state = await (await wechat.get("/sim/state")).json()
    assert (state["switches"], state["exchanges"], state["codes_issued"]) == ({}, 0, 0)
    assert (await wechat.exchange(code))["errcode"] == 40029


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 10_000,
        b'{"name": "unknown"}',
        b'{"name": ["busy"]}',
        b'{"name": "busy", "value": 3}',
        b'{"name": "slow", "value": "5"}',
        b'{"name": "slow", "value": NaN}',
        b'{"name": "busy", "times": 0}',
        b'{"name": "busy", "times": true}',
        b'{"name": "busy", "times": "2"}',
    ],
)
async def test_senseless_switches_are_refused(wechat, body):
    """A switch that makes no sense is 400 with a sentence, and changes nothing."""
    response = await wechat.client.post("/sim/switch", data=body)
    assert response.status == 400
    assert (await response.json())["error"]
    assert wechat.state.switches.as_json() == {}


def test_every_switch_counts_down_and_switches_off():
    """Each fault can be on once, for good, and off."""
    for kind in KINDS:
        switches = Switches()
        assert switches.take(kind.name) is None
        switches.set(kind.name, times=1)
        assert [switches.take(kind.name), switches.take(kind.name)] == [kind.default, None]
        switches.set(kind.name)
        assert [switches.take(kind.name), switches.take(kind.name)] == [kind.default, kind.default]
        switches.set(kind.name, False)
        assert not switches.is_on(kind.name)
