"""Why a request was treated as it was: one word for the log field, the metric label and the tests."""

from enum import StrEnum


class Reason(StrEnum):
    """Stable words; docs/reference.md explains each to an operator (a test keeps it complete)."""

    # forwarded
    PUBLIC = "public"
    PREFLIGHT = "preflight"
    OWN_PAGE = "own_page"
    BOUND = "bound"
    UNBOUND_ALLOWED = "unbound_allowed"
    ANONYMOUS_ALLOWED = "anonymous_allowed"
    # sent to sign in
    NO_SESSION = "no_session"
    SESSION_EXPIRED = "session_expired"
    SESSION_REVOKED = "session_revoked"
    SESSION_OF_OTHER_APP = "session_of_other_app"
    SESSION_TOO_OLD = "session_too_old"
    OUTSIDE_WECHAT = "outside_wechat"
    # sent to bind
    NOT_BOUND = "not_bound"
    # refused by policy
    CLAIMS_REFUSED = "claims_refused"
    HANDOVER_REFUSED = "handover_refused"
    FOREIGN_ORIGIN = "foreign_origin"
    NO_ROUTE = "no_route"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    MISDIRECTED = "misdirected"
    # refused by the wire, before any route is known
    BAD_REQUEST = "bad_request"
    BAD_TARGET = "bad_target"
    AMBIGUOUS_TARGET = "ambiguous_target"
    TARGET_TOO_LONG = "target_too_long"
    HEAD_TOO_LARGE = "head_too_large"
    BODY_TOO_LARGE = "body_too_large"
    VERSION_NOT_SUPPORTED = "version_not_supported"
    EXPECTATION_FAILED = "expectation_failed"
    REQUEST_TIMEOUT = "request_timeout"
    OVERLOADED = "overloaded"
    CLIENT_GONE = "client_gone"
    # ended while it went on
    SESSION_ENDED = "session_ended"
    TUNNEL_TIMEOUT = "tunnel_timeout"
    # ours or the upstream's failures
    STORE_OUTAGE = "store_outage"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_GARBAGE = "upstream_garbage"
    INTERNAL_ERROR = "internal_error"
