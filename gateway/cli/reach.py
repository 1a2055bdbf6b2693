"""For `gateway check --online`: whether a service takes connections at its address. Nothing is asked of it."""

import asyncio
import ssl
from urllib.parse import urlsplit

from gateway.config.sms import Sms
from gateway.wire.dial import trouble


def sender_address(sms: Sms) -> tuple[tuple[str, ...], str] | None:
    """Where the sender of codes is, with the key that says so; None for the log."""
    if sms.sender == "aliyun" and sms.aliyun:
        return ("bind", "sms", "aliyun", "api_base"), sms.aliyun.api_base
    if sms.sender == "tencent" and sms.tencent:
        return ("bind", "sms", "tencent", "api_base"), sms.tencent.api_base
    return (("bind", "sms", "sender_url"), sms.sender_url) if sms.sender_url else None


async def trouble_reaching(url: str, patience: float) -> str | None:
    """What hinders a connection to an http(s) URL within `patience` seconds, its certificate included."""
    parts = urlsplit(url)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if context else 80)
    try:
        async with asyncio.timeout(patience):
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    except TimeoutError:
        return f"no connection within {patience:g} s"
    except OSError as error:
        return trouble(error)
    writer.transport.abort()
    return None
