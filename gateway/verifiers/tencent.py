"""SMS through Tencent Cloud: SendSms, version 2021-01-11 (cloud.tencent.com/document/api/382/55981)."""

import json

from yarl import URL

from .cloud_signing import canonical_request, tc3_authorization
from .phone import e164
from .vendor import Codes, SignedRequest, Template, host_of, member

_CODES = Codes(
    sent="Ok",
    limited=frozenset(
        {
            "LimitExceeded.DeliveryFrequencyLimit",
            "LimitExceeded.PhoneNumberDailyLimit",
            "LimitExceeded.PhoneNumberOneHourLimit",
            "LimitExceeded.PhoneNumberSameContentDailyLimit",
            "LimitExceeded.PhoneNumberThirtySecondLimit",
        }
    ),
    bad_number=frozenset(
        {
            "InvalidParameterValue.IncorrectPhoneNumber",
            "FailedOperation.PhoneNumberInBlacklist",
            "FailedOperation.PhoneNumberParseFail",
        }
    ),
    outages_begin=("InternalError", "RequestLimitExceeded"),
)


class Tencent:
    """A Vendor. The template's parameters are called "1", "2" and so on, as in its text."""

    name = "tencent"
    codes = _CODES

    def __init__(
        self,
        key_id: str,
        secret: str,
        sdk_app_id: str,
        template: Template,
        region: str = "ap-guangzhou",
        base: str = "https://sms.tencentcloudapi.com",
    ) -> None:
        self._key_id = key_id
        self._secret = secret.encode()
        self._sdk_app_id = sdk_app_id
        self._template = template
        self._region = region
        self._base = base

    def request(self, phone: str, code: str, ttl: int, now: float) -> SignedRequest:
        """The parameters are a JSON body; Region, Action and Version are headers."""
        filled = self._template.filled(code, ttl)
        document = {
            "PhoneNumberSet": [e164(phone)],
            "SmsSdkAppId": self._sdk_app_id,
            "SignName": self._template.sign_name,
            "TemplateId": self._template.name_for(phone),
            "TemplateParamSet": [filled[number] for number in sorted(filled, key=int)],
        }
        body = json.dumps(document, separators=(",", ":")).encode()
        signed = {"content-type": "application/json; charset=utf-8", "host": host_of(self._base)}
        canonical = canonical_request("POST", "", signed, body)
        authorization = tc3_authorization(self._key_id, self._secret, canonical, "sms", int(now))
        headers = {
            **signed,
            "authorization": authorization,
            "x-tc-action": "SendSms",
            "x-tc-timestamp": str(int(now)),
            "x-tc-version": "2021-01-11",
            "x-tc-region": self._region,
        }
        return SignedRequest(URL(f"{self._base}/", encoded=True), headers, body)

    def code_of(self, body: bytes) -> str:
        """The number's `Code`, or that of an error of the whole request."""
        document = json.loads(body)
        try:
            return member(document, "Response", "Error", "Code")
        except ValueError:
            return member(document, "Response", "SendStatusSet", 0, "Code")
