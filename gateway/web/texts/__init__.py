"""What the pages say, in each language, and which language a browser asks for."""

from collections.abc import Mapping

from . import en, zh_hans

Texts = Mapping[str, str]

CATALOGS: Mapping[str, Texts] = {"zh-Hans": zh_hans.TEXTS, "en": en.TEXTS}
DEFAULT = "zh-Hans"
_MAX_RANGES = 20  # of an Accept-Language; real ones have fewer than ten


def language(accept: str) -> str:
    """The catalog for an Accept-Language value (RFC 9110 12.5.4): the best-weighted one that we have."""
    best, best_weight = DEFAULT, 0.0
    for part in accept.split(",")[:_MAX_RANGES]:
        tag, _, parameters = part.strip().lower().partition(";")
        primary = tag.strip().partition("-")[0]
        name = {"zh": "zh-Hans", "en": "en"}.get(primary)
        weight = _weight(parameters)
        if name and weight > best_weight:
            best, best_weight = name, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
