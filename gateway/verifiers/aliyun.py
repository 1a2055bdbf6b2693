"""SMS through Aliyun: SendSms, version 2017-05-25 (help.aliyun.com/document_detail/419273)."""

import json
import secrets
import time
from collections.abc import Callable

from yarl import URL

from .cloud_signing import acs3_authorization, canonical_query, canonical_request, sha256
from .vendor import Codes, SignedRequest, Template, host_of, member

_CODES = Codes(
    sent="OK",
    limited=frozenset({"isv.BUSINESS_LIMIT_CONTROL"}),
    bad_number=frozenset(
        {
            "isv.MOBILE_NUMBER_ILLEGAL",
            "isv.BLACK_KEY_CONTROL_LIMIT",  # on the platform's list of numbers that want none
            "isv.CUSTOMER_REFUSED",
        }
    ),
    outages=frozenset({"isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "isp.UNKNOWN", "InternalError", "ServiceUnavailable"}),
    outages_begin=("Throttling",),
)


class Aliyun:
    """A Vendor. `nonce` gives a text that is never the same twice."""

    name = "aliyun"
    codes = _CODES

    def __init__(
        self,
        key_id: str,
        secret: str,
        template: Template,
        base: str = "https://dysmsapi.aliyuncs.com",
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._key_id = key_id
        self._secret = secret.encode()
        self._template = template
        self._base = base
        self._nonce = nonce

    def request(self, phone: str, code: str, ttl: int, now: float) -> SignedRequest:
        """SendSms takes its parameters in the query. Numbers abroad have their country's code without the +."""
        query = canonical_query(
            {
                "PhoneNumbers": phone.removeprefix("+"),
                "SignName": self._template.sign_name,
                "TemplateCode": self._template.name_for(phone),
                "TemplateParam": json.dumps(self._template.filled(code, ttl), separators=(",", ":")),
            }
        )
        headers = {
            "host": host_of(self._base),
            "x-acs-action": "SendSms",
            "x-acs-content-sha256": sha256(b""),
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            "x-acs-signature-nonce": self._nonce(),
            "x-acs-version": "2017-05-25",
        }
        canonical = canonical_request("POST", query, headers, b"")
        authorization = acs3_authorization(self._key_id, self._secret, canonical)
        url = URL(f"{self._base}/?{query}", encoded=True)
        return SignedRequest(url, headers | {"authorization": authorization}, b"")

    def code_of(self, body: bytes) -> str:
        """`Code` of `{"Code":"OK","Message":…,"RequestId":…,"BizId":…}`."""
        return member(json.loads(body), "Code")
