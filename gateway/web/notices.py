"""The whole-page answers: one word each, which is the JSON error, the key of its texts and what tests assert."""

from dataclasses import dataclass

from .links import Link


@dataclass(frozen=True, slots=True)
class Notice:
    """`icon` is WeUI's name of one: success, info, warn."""

    word: str
    status: int
    icon: str = "warn"


TOO_MANY_TRIES = Notice("too_many_tries", 429)
TICKET_GONE = Notice("ticket_gone", 410, "info")
ALREADY_BOUND = Notice("already_bound", 410, "success")
BAD_CALLBACK = Notice("bad_callback", 400)
SIGN_IN_FAILED = Notice("sign_in_failed", 502)
WECHAT_CONFIG = Notice("wechat_config", 502)
WECHAT_REFUSED = Notice("wechat_refused", 403)
WECHAT_BUSY = Notice("wechat_busy", 503)
SNAPSHOT = Notice("snapshot", 200, "info")
SIGNING_IN = Notice("signing_in", 200, "info")
SIGNED_OUT = Notice("signed_out", 200, "success")
TYPE_CHANGED = Notice("type_changed", 200, "success")
SIGNED_OUT_EVERYWHERE = Notice("signed_out_everywhere", 200, "success")
LOGIN_REQUIRED = Notice("login_required", 401, "info")
CROSS_SITE = Notice("cross_site", 403)
PREFETCH = Notice("prefetch", 403, "info")
BAD_REQUEST = Notice("bad_request", 400)
NOT_FOUND = Notice("not_found", 404, "info")
METHOD_NOT_ALLOWED = Notice("method_not_allowed", 405)
BODY_TOO_LARGE = Notice("body_too_large", 413)
FORM_EXPECTED = Notice("form_expected", 415)
MISDIRECTED = Notice("misdirected", 421)
UNAVAILABLE = Notice("unavailable", 503)
INTERNAL_ERROR = Notice("internal_error", 500)

OUTSIDE_WECHAT = Notice("outside_wechat", 403, "info")
HANDOVER_GONE = Notice("handover_gone", 410, "info")
HANDOVER_MISTAKEN = Notice("handover_mistaken", 403)
HANDOVER_REFUSED = Notice("handover_declined", 403, "info")
HANDOVER_DONE = Notice("handover_done", 200, "success")
HANDOVER_STOPPED = Notice("handover_stopped", 200, "info")
HANDOVER_NO_CHANGE = Notice("handover_no_change", 403, "info")
HANDOVER_NOT_BOUND = Notice("handover_not_bound", 403)


class Halt(Exception):
    """A request ends with this notice. `retry_after` in seconds."""

    def __init__(self, notice: Notice, *, action: Link | None = None, retry_after: int | None = None) -> None:
        super().__init__(notice.word)
        self.notice = notice
        self.action = action
        self.retry_after = retry_after
