"""The [bind.hook] table: where the legacy system hears of binds and unbinds."""

from .addresses import ServiceUrl
from .context import Section, key
from .secret import RandomText
from .values import ServiceTimeout


class Hook(Section):
    """Tells the legacy system who has bound or unbound, so that it can tell its user."""

    url: ServiceUrl = key(description="Where events are posted.")
    secret: RandomText | None = key(default=None, description="Signs the requests (X-Gateway-Signature, HMAC-SHA256).")
    timeout: ServiceTimeout = key(default="5s", description='How long an answer may take, at most "30s".')
