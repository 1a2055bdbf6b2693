"""Aliyun and Tencent as senders, against painted clouds on real sockets that check the signatures themselves."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from gateway.verifiers.aliyun import Aliyun
from gateway.verifiers.interface import SenderMisconfigured, SenderRefused, VerifierOutage
from gateway.verifiers.posting import MAX_BODY
from gateway.verifiers.tencent import Tencent
from gateway.verifiers.vendor import Template, VendorSmsSender

from .clouds import KEY_ID, NOW, SECRET, Cloud, PaintedAliyun, PaintedTencent

PHONE = "13800138000"
CODE = "042817"
OF_ALIYUN = Template("示例+科技 & Co~", "SMS_1530001", {"code": "code", "min": "minutes"}, "SMS_1530002")
OF_TENCENT = Template("示例科技", "1110", {"2": "minutes", "1": "code"}, "2220")


class Rig:
    """One cloud, and senders to it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.cloud: Cloud = PaintedAliyun() if kind == "aliyun" else PaintedTencent()
        self.calls: list[tuple[str, str]] = []
        self._opened: list[VendorSmsSender] = []

    def open(self, *, base: str = "", key_id: str = KEY_ID, secret: str = SECRET, **options: Any) -> VendorSmsSender:
        base = base or self.cloud.base
        vendor = (
            Aliyun(key_id, secret, OF_ALIYUN, base)
            if self.kind == "aliyun"
            else Tencent(key_id, secret, "1400006666", OF_TENCENT, base=base)
        )

        def on_call(kind: str, outcome: str, seconds: float) -> None:
            assert seconds >= 0
            self.calls.append((kind, outcome))

        sender = VendorSmsSender(vendor, **{"on_call": on_call, "clock": lambda: NOW + 0.9} | options)
        self._opened.append(sender)
        return sender

    async def close(self) -> None:
        for sender in self._opened:
            await sender.close()
        await self.cloud.server.close()


@pytest.fixture(params=["aliyun", "tencent"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    rig = Rig(request.param)
    await rig.cloud.server.start_server()
    yield rig
    await rig.close()


def message(rig: Rig, phone: str, template: str) -> dict[str, Any]:
    """The message as this vendor's documents want it."""
    if rig.kind == "aliyun":
        text = {"SignName": OF_ALIYUN.sign_name, "TemplateParam": '{"code":"042817","min":"5"}'}
        return {"PhoneNumbers": phone, "TemplateCode": template} | text
    return {
        "PhoneNumberSet": [phone],
        "SmsSdkAppId": "1400006666",
        "SignName": OF_TENCENT.sign_name,
        "TemplateId": template,
        "TemplateParamSet": [CODE, "5"],
        "region": "ap-guangzhou",
    }


async def test_a_code_is_sent(rig: Rig) -> None:
    """Signed as the vendor checks it, in the template's parameters, twice in a row (no nonce twice)."""
    sender = rig.open()
    await sender.send(PHONE, CODE, 300)
    await sender.send(PHONE, CODE, 300)
    expected = message(
        rig, PHONE if rig.kind == "aliyun" else "+86" + PHONE, "SMS_1530001" if rig.kind == "aliyun" else "1110"
    )
    assert rig.cloud.sent == [expected, expected]
    assert rig.calls == [("sms", "ok"), ("sms", "ok")]


async def test_a_code_is_sent_abroad(rig: Rig) -> None:
    """With the country's code as the vendor writes it, and the text for abroad."""
    await rig.open().send("+85291234567", CODE, 300)
    aliyun = rig.kind == "aliyun"
    number, template = ("85291234567", "SMS_1530002") if aliyun else ("+85291234567", "2220")
    assert rig.cloud.sent == [message(rig, number, template)]


def test_minutes_are_whole_and_never_too_many() -> None:
    """A code that lives 90 seconds is not said to live two minutes; one of 30 seconds is said to live one."""
    assert OF_TENCENT.filled(CODE, 90)["2"] == "1"
    assert OF_TENCENT.filled(CODE, 30)["2"] == "1"
    assert OF_TENCENT.filled(CODE, 300)["2"] == "5"
    assert replace(OF_TENCENT, abroad="").name_for("+85291234567") == "1110"


PHONES_FAULT = {
    "aliyun": {
        "isv.BUSINESS_LIMIT_CONTROL": "limited",
        "isv.MOBILE_NUMBER_ILLEGAL": "bad_number",
        "isv.BLACK_KEY_CONTROL_LIMIT": "bad_number",
    },
    "tencent": {
        "LimitExceeded.PhoneNumberDailyLimit": "limited",
        "LimitExceeded.PhoneNumberOneHourLimit": "limited",
        "LimitExceeded.PhoneNumberThirtySecondLimit": "limited",
        "LimitExceeded.PhoneNumberSameContentDailyLimit": "limited",
        "LimitExceeded.DeliveryFrequencyLimit": "limited",
        "InvalidParameterValue.IncorrectPhoneNumber": "bad_number",
        "FailedOperation.PhoneNumberInBlacklist": "bad_number",
    },
}
OUR_FAULT = {
    "aliyun": [
        "isv.SMS_SIGNATURE_ILLEGAL",
        "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
        "isv.SMS_TEMPLATE_ILLEGAL",
        "isv.TEMPLATE_MISSING_PARAMETERS",
        "isv.AMOUNT_NOT_ENOUGH",
        "isv.OUT_OF_SERVICE",
        "isv.PRODUCT_UN_SUBSCRIPT",
        "isv.DAY_LIMIT_CONTROL",
        "isp.RAM_PERMISSION_DENY",
        "SignatureDoesNotMatch",
        "InvalidTimeStamp.Expired",
        "isv.SOMETHING_NEW",
    ],
    "tencent": [
        "FailedOperation.SignatureIncorrectOrUnapproved",
        "FailedOperation.TemplateIncorrectOrUnapproved",
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
        "FailedOperation.InsufficientBalanceInSmsPackage",
        "UnauthorizedOperation.SmsSdkAppIdVerifyFail",
        "UnauthorizedOperation.ServiceSuspendDueToArrears",
        "InvalidParameterValue.SdkAppIdNotExist",
        "LimitExceeded.AppDailyLimit",
        "AuthFailure.SignatureExpire",
        "SomethingNew",
    ],
}
NOBODYS_FAULT = {
    "aliyun": ["isp.SYSTEM_ERROR", "Throttling.User", "ServiceUnavailable"],
    "tencent": ["InternalError", "InternalError.Timeout", "RequestLimitExceeded"],
}


async def test_a_number_that_gets_no_message_is_refused(rig: Rig) -> None:
    """Too many messages, or a number that takes none: not our fault, no alarm."""
    for code, outcome in PHONES_FAULT[rig.kind].items():
        rig.cloud.says(code)
        with pytest.raises(SenderRefused) as caught:
            await rig.open().send(PHONE, CODE, 300)
        assert (caught.value.outcome, rig.calls[-1]) == (outcome, ("sms", outcome))


async def test_a_refusal_of_ourselves_is_an_alarm(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Signature, template, keys, balance, and whatever we do not know: an error in the log, with the vendor's code."""
    for code in OUR_FAULT[rig.kind]:
        caplog.clear()
        rig.cloud.says(code)
        with pytest.raises(SenderMisconfigured):
            await rig.open().send(PHONE, CODE, 300)
        [record] = [record for record in caplog.records if record.name.startswith("gateway")]
        assert record.levelno == logging.ERROR
        assert code in record.getMessage()
        assert rig.calls[-1] == ("sms", "config")


async def test_wrong_keys_are_refused_by_the_vendor(rig: Rig) -> None:
    """The painted clouds would notice: a wrong secret, a wrong id, a clock that is off."""
    for wrong in (
        {"secret": "0ther5ecretOfTheAccount4242"},
        {"key_id": "LTAI0000000000"},
        {"clock": lambda: NOW + 3600},
    ):
        with pytest.raises(SenderMisconfigured):
            await rig.open(**wrong).send(PHONE, CODE, 300)
    assert rig.cloud.sent == []
    assert rig.calls == [("sms", "config")] * 3


async def test_a_vendor_that_is_away_is_an_outage(rig: Rig) -> None:
    """Its own word for it."""
    for code in NOBODYS_FAULT[rig.kind]:
        rig.cloud.says(code)
        with pytest.raises(VerifierOutage) as caught:
            await rig.open().send(PHONE, CODE, 300)
        assert not isinstance(caught.value, SenderMisconfigured)
        assert rig.calls[-1] == ("sms", "outage")


def garbage(rig: Rig) -> list[tuple[int, bytes]]:
    fine, refused = (json.dumps(each).encode() for each in (rig.cloud.success(), rig.cloud.error("isv.OUT_OF_SERVICE")))
    return [
        (200, b""),
        (200, b"<html>"),
        (200, b"\xff"),
        (200, b"[" * 60_000),
        (200, b"[]"),
        (200, b'{"Code":7,"Response":7}'),
        (200, b'{"Response":{"SendStatusSet":[]}}'),
        (200, b'{"Code":"O\\nK","Response":{"Error":{"Code":"O\\nk"}}}'),
        (200, fine.ljust(MAX_BODY + 1)),
        (302, fine),
        (500, fine),
        (503, refused),
    ]


async def test_an_answer_that_is_none_is_an_outage(rig: Rig) -> None:
    """Asked once each: a message may have gone, and costs money."""
    for status, body in garbage(rig):

        async def answer(_: web.Request, status: int = status, body: bytes = body) -> web.StreamResponse:
            return web.Response(status=status, body=body, headers={"Location": "/elsewhere"})

        rig.cloud.script, before = answer, rig.cloud.requests
        with pytest.raises(VerifierOutage) as caught:
            await rig.open().send(PHONE, CODE, 300)
        assert not isinstance(caught.value, SenderMisconfigured), (status, body[:60])
        assert rig.cloud.requests == before + 1
        assert rig.calls[-1] == ("sms", "outage")


async def test_a_slow_or_absent_vendor_is_an_outage_in_time(rig: Rig) -> None:
    """A total time-out; a refused connection."""
    never = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    rig.cloud.script = hang
    async with asyncio.timeout(5):
        with pytest.raises(VerifierOutage):
            await rig.open(timeout=0.1).send(PHONE, CODE, 300)
    never.set()
    with pytest.raises(VerifierOutage):
        await rig.open(base=f"http://127.0.0.1:{unused_port()}").send(PHONE, CODE, 300)


async def test_plain_http_or_a_wrong_certificate_at_an_https_base_sends_nothing(rig: Rig) -> None:
    """TLS is spoken where the base says so."""
    with pytest.raises(VerifierOutage):
        await rig.open(base=rig.cloud.base.replace("http:", "https:")).send(PHONE, CODE, 300)
    assert rig.cloud.requests == 0


async def test_nothing_secret_is_logged_or_raised(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Neither phone, code nor keys, whatever the vendor quotes in its answer."""
    caplog.set_level(logging.DEBUG)
    said = ""
    for code in ("isv.OUT_OF_SERVICE", *PHONES_FAULT[rig.kind], *NOBODYS_FAULT[rig.kind]):
        rig.cloud.says(code)
        with pytest.raises((SenderRefused, VerifierOutage)) as caught:
            await rig.open().send(PHONE, CODE, 300)
        said += repr(caught.value)
    with pytest.raises(VerifierOutage) as absent:
        await rig.open(base=f"http://127.0.0.1:{unused_port()}").send(PHONE, CODE, 300)
    said += repr(absent.value)
    said += " ".join(record.getMessage() for record in caplog.records if record.name.startswith("gateway"))
    assert not [secret for secret in (PHONE, CODE, SECRET, KEY_ID) if secret in said]


async def test_closing_twice_or_unused_is_fine(rig: Rig) -> None:
    """Close is idempotent."""
    sender = rig.open()
    await sender.close()
    await sender.close()
