"""Which of our languages a browser asks for."""

LANGUAGES = ("zh-Hans", "zh-Hant", "en")  # the first is for those who ask for none of them
# Chinese without a script, by region: where the traditional one is written (CLDR, likely subtags).
_TRADITIONAL_REGIONS = {"tw", "hk", "mo"}
_MAX_RANGES = 20  # of an Accept-Language; real ones have fewer than ten


def language(accept: str) -> str:
    """The one of LANGUAGES that an Accept-Language value weighs most (RFC 9110 12.5.4)."""
    best, best_weight = LANGUAGES[0], 0.0
    for part in accept.split(",")[:_MAX_RANGES]:
        tag, _, parameters = part.strip().lower().partition(";")
        name = _lookup(tag.strip())
        weight = _weight(parameters)
        if name and weight > best_weight:
            best, best_weight = name, weight
    return best


def _lookup(tag: str) -> str | None:
    """Ours for a tag, by its primary language, then its script, then its region (RFC 4647 3.4, RFC 5646 2.1)."""
    primary, *rest = tag.split("-")
    if primary != "zh":
        return "en" if primary == "en" else None
    for subtag in rest:
        if subtag in ("hans", "hant"):
            return f"zh-{subtag.capitalize()}"
        if len(subtag) <= 2:  # a region, behind which comes no script; or a singleton
            return "zh-Hant" if subtag in _TRADITIONAL_REGIONS else "zh-Hans"
    return "zh-Hans"


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
