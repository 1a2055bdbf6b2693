"""The bind page: the form, with what was typed before and what was wrong with it, or the same as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from aiohttp import hdrs, web

from gateway.sealing import Sealer, token_hash

from .pages import Pages
from .visits import Visit


@dataclass(frozen=True, slots=True)
class Filled:
    """What the form shows as typed. `sent_at`: when a code was sent to `phone` (Unix seconds), or None."""

    method: str
    username: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    consent: bool = False
    sent_at: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the form is shown again. `word` is the JSON error and the key of its text."""

    word: str
    status: int
    retry_after: int | None = None


class BindForm:
    """Shows the form. `resend`: seconds between two codes."""

    def __init__(self, pages: Pages, methods: Sequence[str], resend: int) -> None:
        self._pages = pages
        self._methods = methods
        self._resend = resend

    def show(self, visit: Visit, ticket: str, filled: Filled, now: int, fault: Fault | None = None) -> web.Response:
        """The form under `ticket`."""
        if fault and visit.wants_json:
            fields = {"error": fault.word, "message": self._pages.text(visit, fault.word), "ticket": ticket}
            more = {} if fault.retry_after is None else {"retry_after": fault.retry_after}
            response = web.json_response(fields | more, status=fault.status)
        else:
            wait = 0 if filled.sent_at is None else max(0, filled.sent_at + self._resend - now)
            response = self._pages.page(
                visit,
                "bind.html",
                fault.status if fault else 200,
                ticket=ticket,
                methods=self._methods,
                filled=filled,
                fault=fault,
                resend_in=wait,
            )
        if fault and fault.retry_after is not None:
            response.headers[hdrs.RETRY_AFTER] = str(fault.retry_after)
        return response


class SentCodes:
    """The sealed note that carries the phone over the redirect after a code was sent, without showing it."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, sid: str, phone: str, consent: bool, now: int) -> str:
        """The note for the page of session `sid`."""
        return self._sealer.seal(json.dumps(["sent", token_hash(sid), phone, consent, now]).encode(), now=now)

    def fill(self, sid: str, note: str, form: Filled) -> Filled:
        """`form` with what the note says, if it was sealed for this session."""
        plain = self._sealer.open(note)
        if plain is None:
            return form
        try:
            match json.loads(plain):
                case ["sent", sid_hash, str(phone), bool(consent), int(sent_at)] if sid_hash == token_hash(sid):
                    return replace(form, phone=phone, consent=consent, sent_at=sent_at)
        except ValueError:
            pass
        return form
