"""Request signatures of Aliyun (ACS3-HMAC-SHA256) and Tencent Cloud (TC3-HMAC-SHA256): pure functions.

Both sign one canonical form of a request: method, path, query, lower-case sorted headers, hash of the body.
Sources: help.aliyun.com/document_detail/2593177 and cloud.tencent.com/document/api/382/52072.

The vendors' own packages are not used: alibabacloud-dysmsapi20170525 4.6 brings 28 others and 43 MB with it,
tencentcloud-sdk-python-sms 3.1 six and 6 MB, among them HTTP clients of their own, outside of our limits on bodies,
waits and redirects. What is needed of them is this file.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import quote

ACS3 = "ACS3-HMAC-SHA256"
TC3 = "TC3-HMAC-SHA256"


def sha256(data: bytes) -> str:
    """The hex digest."""
    return hashlib.sha256(data).hexdigest()


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Sorted, with everything but RFC 3986's unreserved characters percent-encoded in UTF-8: as signed and as sent."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(parameters.items()))


def canonical_request(method: str, query: str, headers: Mapping[str, str], body: bytes) -> str:
    """The text that is signed, for the path /. `headers`: lower-case names, all of which are signed."""
    lines = [f"{name}:{headers[name].strip()}" for name in sorted(headers)]
    return "\n".join([method, "/", query, *lines, "", ";".join(sorted(headers)), sha256(body)])


def acs3_authorization(key_id: str, secret: bytes, canonical: str) -> str:
    """Aliyun's Authorization header of a canonical request."""
    signature = hmac.new(secret, f"{ACS3}\n{sha256(canonical.encode())}".encode(), hashlib.sha256).hexdigest()
    return f"{ACS3} Credential={key_id},SignedHeaders={_signed(canonical)},Signature={signature}"


def tc3_authorization(key_id: str, secret: bytes, canonical: str, service: str, timestamp: int) -> str:
    """Tencent's Authorization header of a canonical request at `timestamp` (Unix seconds)."""
    date = time.strftime("%Y-%m-%d", time.gmtime(timestamp))
    key = b"TC3" + secret
    for part in (date, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    scope = f"{date}/{service}/tc3_request"
    text = f"{TC3}\n{timestamp}\n{scope}\n{sha256(canonical.encode())}"
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"{TC3} Credential={key_id}/{scope}, SignedHeaders={_signed(canonical)}, Signature={signature}"


def _signed(canonical: str) -> str:
    return canonical.split("\n")[-2]
