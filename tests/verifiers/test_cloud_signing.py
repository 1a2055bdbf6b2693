"""Signatures of Aliyun and Tencent Cloud: the vendors' published examples, and our test servers' own reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.verifiers.cloud_signing import (
    acs3_authorization,
    canonical_query,
    canonical_request,
    sha256,
    tc3_authorization,
)

from .clouds import acs3, signed_text, tc3

# help.aliyun.com/document_detail/2593177
ALIYUN_QUERY = {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"}
ALIYUN_HEADERS = {
    "host": "ecs.cn-shanghai.aliyuncs.com",
    "x-acs-action": "RunInstances",
    "x-acs-content-sha256": sha256(b""),
    "x-acs-date": "2023-10-26T10:22:32Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
    "x-acs-version": "2014-05-26",
}
ALIYUN_HASH = "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
ALIYUN_SIGNATURE = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"

# cloud.tencent.com/document/api/382/52072
TENCENT_BODY = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
TENCENT_HEADERS = {"content-type": "application/json; charset=utf-8", "host": "cvm.tencentcloudapi.com"}
TENCENT_HASH = "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031"
TENCENT_AT = 1551113065
TENCENT_SIGNATURES = {
    "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE": "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
    "Gu5t9xGARNpq86cd98joQYCN3*******": "2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c",
}


def test_the_published_example_of_aliyun() -> None:
    """Canonical request, signature and header are those of the document."""
    canonical = canonical_request("POST", canonical_query(ALIYUN_QUERY), ALIYUN_HEADERS, b"")
    assert sha256(canonical.encode()) == ALIYUN_HASH
    assert acs3_authorization("YourAccessKeyId", b"YourAccessKeySecret", canonical) == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        f"Signature={ALIYUN_SIGNATURE}"
    )


@pytest.mark.parametrize(("secret", "signature"), TENCENT_SIGNATURES.items())
def test_the_published_examples_of_tencent(secret: str, signature: str) -> None:
    """Canonical request, signature and header are those of the document."""
    canonical = canonical_request("POST", "", TENCENT_HEADERS, TENCENT_BODY)
    assert sha256(canonical.encode()) == TENCENT_HASH
    assert tc3_authorization("AKID", secret.encode(), canonical, "cvm", TENCENT_AT) == (
        "TC3-HMAC-SHA256 Credential=AKID/2019-02-25/cvm/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={signature}"
    )


def test_the_painted_clouds_judge_by_the_same_examples() -> None:
    """What our servers check signatures with agrees with the vendors' documents, not only with us."""
    query = "RegionId=cn-shanghai&ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"
    text = signed_text("POST", f"/?{query}", ALIYUN_HEADERS, ";".join(ALIYUN_HEADERS), b"")
    assert acs3("YourAccessKeySecret", text) == ALIYUN_SIGNATURE
    text = signed_text("POST", "/", TENCENT_HEADERS, "content-type;host", TENCENT_BODY)
    for secret, signature in TENCENT_SIGNATURES.items():
        assert tc3(secret, text, "cvm", TENCENT_AT) == signature


NAMES = st.text("abcXYZ019", min_size=1, max_size=8)  # as the vendors' are


@given(st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=4))
def test_any_parameters_are_signed_as_they_are_read(parameters: dict[str, str]) -> None:
    """Blanks, +, &, ~, * and Chinese: whatever a signature's name or a template's text may hold."""
    query = canonical_query(parameters)
    assert canonical_request("POST", query, {"host": "h"}, b"") == signed_text(
        "POST", f"/?{query}", {"host": "h"}, "host", b""
    )
    assert query.isascii()
    assert not set(query) & set(" +*\"'")
