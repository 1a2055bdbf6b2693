"""Which of our languages a browser asks for."""

LANGUAGES = ("zh-Hans", "en")  # the first is for those who ask for neither
_BY_PRIMARY_TAG = {"zh": "zh-Hans", "en": "en"}
_MAX_RANGES = 20  # of an Accept-Language; real ones have fewer than ten


def language(accept: str) -> str:
    """The one of LANGUAGES that an Accept-Language value weighs most (RFC 9110 12.5.4)."""
    best, best_weight = LANGUAGES[0], 0.0
    for part in accept.split(",")[:_MAX_RANGES]:
        tag, _, parameters = part.strip().lower().partition(";")
        name = _BY_PRIMARY_TAG.get(tag.strip().partition("-")[0])
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
