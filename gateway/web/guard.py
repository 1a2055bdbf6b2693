"""Whose page sent this POST: the rule against cross-site requests."""

from collections.abc import Sequence
from enum import StrEnum

from aiohttp import web

from .notices import CROSS_SITE, Halt


class Origin(StrEnum):
    """What the browser's headers prove. UNPROVEN needs the page's session-bound token."""

    OWN = "own"
    FOREIGN = "foreign"
    UNPROVEN = "unproven"


def origin_of_post(origins: Sequence[str], fetch_site: str | None, own: str) -> Origin:
    """Judge a POST by its `Origin` values and `Sec-Fetch-Site`; `own` is our origin on this host.

    A foreign Origin or `cross-site` is refused whatever else. `null` proves nothing, one way or the other:
    pages under `Referrer-Policy: no-referrer`, as ours are, send it.
    """
    named = [origin.strip().lower() for origin in origins if origin.strip().lower() != "null"]
    site = (fetch_site or "").strip().lower()
    if site == "cross-site" or len(origins) > 1 or any(origin != own.lower() for origin in named):
        return Origin.FOREIGN
    if named or site == "same-origin":
        return Origin.OWN
    return Origin.UNPROVEN


def refuse_foreign(request: web.Request, own: str) -> bool:
    """Whether the headers prove that our own page sent this POST. Halts with 403 if another site did."""
    origin = origin_of_post(request.headers.getall("Origin", []), request.headers.get("Sec-Fetch-Site"), own)
    if origin is Origin.FOREIGN:
        raise Halt(CROSS_SITE)
    return origin is Origin.OWN
