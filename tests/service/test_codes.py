"""A code by SMS from the tap to the binding: the real gateway, a resolver, and a cloud that checks the signature."""

import json
import logging
import re
import time
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.verifiers.clouds import KEY_ID, SECRET, Cloud, PaintedAliyun, PaintedTencent

from .carrying import until
from .conftest import House, Open, claims_in, ticket_in
from .fleet import metric
from .raw import Browser, target_of

PHONE = "13800138000"
TABLES = {
    "aliyun": f'access_key_id = "{KEY_ID}"\naccess_key_secret = "{SECRET}"\ntemplate = "SMS_15305"\n',
    "tencent": f'secret_id = "{KEY_ID}"\nsecret_key = "{SECRET}"\nsdk_app_id = "1400006666"\ntemplate = "1110"\n',
}


@pytest.fixture(params=["aliyun", "tencent"])
async def cloud(request: pytest.FixtureRequest) -> AsyncIterator[Cloud]:
    cloud: Cloud = PaintedAliyun() if request.param == "aliyun" else PaintedTencent()
    cloud.clock = time.time
    await cloud.server.start_server()
    yield cloud
    await cloud.server.close()


@pytest.fixture
async def codes(open_house: Open, cloud: Cloud) -> AsyncIterator[House]:
    """A house that sends through the cloud, to the one phone that its resolver knows."""

    async def resolve(request: web.Request) -> web.Response:
        if (await request.json())["phone"] == PHONE:
            return web.json_response({"user_id": "77", "claims": {"name": "Phone"}})
        return web.json_response({}, status=404)

    app = web.Application()
    app.router.add_post("/by-phone", resolve)
    resolver = TestServer(app, host="127.0.0.1")
    await resolver.start_server()
    name = "aliyun" if isinstance(cloud, PaintedAliyun) else "tencent"
    bind = (
        f'methods = ["sms"]\n[bind.sms]\nsender = "{name}"\nresolver_url = "{resolver.make_url("/by-phone")}"\n'
        f'[bind.sms.{name}]\nsign_name = "示例科技"\napi_base = "{cloud.base}"\n{TABLES[name]}'
    )
    yield await open_house(bind=bind)
    await resolver.close()


async def form(house: House, browser: Browser) -> str:
    """A ticket of somebody who has just danced."""
    answer = await house.dance(browser)
    return ticket_in(await browser.get(target_of(answer.get("location") or "", house.origin)))


async def asked(house: House, browser: Browser, ticket: str, phone: str) -> tuple[int, bytes]:
    """Status and body of asking for a code without a script."""
    body = urlencode({"ticket": ticket, "phone": phone, "consent": "1"}).encode()
    answer = await browser.post("/_gateway/bind/sms", body)
    return answer.status, re.sub(rb"sent=[^&\"]+", b"sent=", answer.body)


async def test_a_code_binds_and_leaves_no_trace(codes: House, cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    """Sent signed, typed in, bound; neither phone, code nor keys are in the log or the metrics."""
    caplog.set_level(logging.DEBUG)
    browser = codes.browser()
    ticket = await form(codes, browser)
    assert (await asked(codes, browser, ticket, "+86 138-0013-8000"))[0] == 303
    await until(lambda: bool(cloud.sent), "no message")
    [message] = cloud.sent
    found = re.search(r"\b[0-9]{6}\b", json.dumps(message.get("TemplateParam") or message["TemplateParamSet"]))
    assert found
    fields = {"ticket": ticket, "method": "sms", "phone": PHONE, "code": found[0], "consent": "1"}
    assert (await browser.post("/_gateway/bind", urlencode(fields).encode())).status == 303
    claims = claims_in(await browser.get("/"))
    assert (claims["sub"], claims["amr"], claims["name"]) == ("77", ["wechat", "sms"], "Phone")
    assert await metric(codes, "gateway_verifier_calls_total", 'kind="sms"', 'outcome="ok"') == 1
    exposition = await Browser(int(codes.gateway.admin_address.rpartition(":")[2])).get("/metrics")
    told = codes.log.read_text() + said(caplog) + exposition.body.decode()
    assert not [secret for secret in (PHONE, found[0], KEY_ID, SECRET) if re.search(rf"\b{secret}\b", told)]


async def test_a_fault_of_ours_is_an_alarm_and_tells_nothing_of_a_phone(
    codes: House, cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    """The vendor's code is in the log at level error and in the metric; known and unknown phones are answered alike."""
    cloud.says("isv.AMOUNT_NOT_ENOUGH")
    browser = codes.browser()
    ticket = await form(codes, browser)
    known = await asked(codes, browser, ticket, PHONE)
    unknown = await asked(codes, browser, ticket, "13900139000")
    assert known == unknown
    await until(lambda: "isv.AMOUNT_NOT_ENOUGH" in said(caplog), "no alarm")
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "refuses to send any message: isv.AMOUNT_NOT_ENOUGH" in errors[0]
    assert PHONE not in said(caplog) + codes.log.read_text()
    assert await metric(codes, "gateway_verifier_calls_total", 'kind="sms"', 'outcome="config"') == 1
    assert len(cloud.sent) == 1


def said(caplog: pytest.LogCaptureFixture) -> str:
    """Our own log."""
    return "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("gateway"))
