"""Which header names may carry identity. Names are compared as the laxest upstream reads them."""

import re

from gateway.core.fields import fold

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110 5.6.2
_TAKEN = re.compile(
    r"host|cookie2?|set-cookie2?|authorization|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|date"
    r"|via|forwarded|x-forwarded(-.*)?|x-real-ip|x-client-ip|true-client-ip|x-original-.*|x-rewrite-.*|x-request-id"
    r"|x-http-method(-override)?|proxy(-.*)?|content-.*|sec-.*|access-control-.*|if-.*|accept(-.*)?|range|origin|referer"
    r"|user-agent|cache-control|pragma|http2-settings|location"
)


def folded(name: str) -> str:
    """The name as the laxest reader compares it: `X_User` and `x-user` are one."""
    return fold(name.encode()).decode("ascii")


def check_identity_header(name: str) -> None:
    """ValueError unless a header of this name may carry identity."""
    if not _TOKEN.fullmatch(name) or not name[0].isalpha():
        raise ValueError(f"{name!r} is not a header name: letters, digits and hyphens, like X-User")
    if _TAKEN.fullmatch(folded(name)):
        raise ValueError(f"{name!r} has a meaning of its own in HTTP: choose another, like X-User")
