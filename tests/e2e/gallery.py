"""Every page of ours, in every state that it can be in, as an application that shows them by name.

The pages are rendered by the code that renders them for people, with what their handlers give them; only whether
somebody is signed in, bound or locked out is not asked. So states that take a vendor's outage or two people to reach
are looked at like the others. Names begin with their template's.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from gateway.core.decision import Bind, Login
from gateway.core.fields import request_names
from gateway.core.handover import Stage
from gateway.core.head import RequestHead
from gateway.core.identity import Binding, Subject
from gateway.core.policy import Access, Policy, Route
from gateway.core.reasons import Reason
from gateway.proxy.render import Renderer
from gateway.proxy.texts import TEXTS
from gateway.web import notices
from gateway.web.assets import Assets
from gateway.web.bindform import BindForm, Fault, Filled
from gateway.web.links import Link
from gateway.web.look import Look
from gateway.web.me import Device
from gateway.web.moments import day, minute
from gateway.web.notices import Notice
from gateway.web.pages import Pages
from gateway.web.parts import Brand, PrivacyNotice
from gateway.web.qr import qr_svg
from gateway.web.shield import protect
from gateway.web.visits import Visit, visit_of

PREFIX = "/_gateway"
NOW = 1_790_000_000
REQUEST = "da9bc12b73c6000000a5"
STAY = "/stay"  # a navigation to it leaves the browser where it is: 204
LONG_USER = "zhang.xiaoming-department-of-mechanical-engineering@students.example.edu"
LONG_ADDRESS = "https://portal.example.edu/orders/2026/spring?" + "&".join(f"filter{n}=value{n}" for n in range(40))

NOTICES: Mapping[str, Notice] = {each.word: each for each in vars(notices).values() if isinstance(each, Notice)}
FAULTS: Mapping[str, Mapping[str, Fault]] = {
    "password": {
        word: Fault(word, status)
        for word, status in [
            ("wrong_credentials", 401),
            ("too_soon", 429),
            ("incomplete", 422),
            ("consent_required", 422),
            ("outage", 503),
        ]
    },
    "sms": {
        word: Fault(word, status)
        for word, status in [
            ("wrong_code", 401),
            ("too_soon", 429),
            ("incomplete", 422),
            ("consent_required", 422),
            ("outage", 503),
            ("invalid_phone", 422),
            ("send_too_soon", 429),
            ("sms_outage", 503),
        ]
    },
}

BRAND = Brand(
    "示例学院 Example", "/_gateway/privacy", "https://example.edu/register", "https://example.edu/help", "2026-1"
)
LONG_BRAND = replace(BRAND, name="The Example Municipal College of Tea, Engineering and Applied Sciences (East Campus)")
LOGO = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 40">
<rect width="40" height="40" rx="8" fill="#0052d9"/>
<path d="M52 12h100v5H52zM52 24h70v5H52z" fill="#0052d9"/></svg>"""

Show = Callable[[Visit], web.Response]


@dataclass(frozen=True)
class Gallery:
    """What hangs in it, by name, and the application that shows it under /NAME."""

    shows: Mapping[str, Show]
    app: web.Application


def gallery() -> Gallery:
    """All pages. The application is not started."""
    look = Look(logo=(".svg", LOGO))
    assets = Assets(PREFIX, look.files())
    plain = Pages(PREFIX, Brand(), Assets(PREFIX).urls, Look())
    rich = Pages(PREFIX, BRAND, assets.urls, look)
    long = Pages(PREFIX, LONG_BRAND, assets.urls, look)
    shows = dict(_all(plain, rich, long))

    async def show(request: web.Request) -> web.StreamResponse:
        name, visit = request.match_info["name"], replace(visit_of(request), request_id=REQUEST)
        if visit.wants_json:  # the polling of a hand-over: it stands still
            return web.json_response({"stage": name.removeprefix("handover-").partition("-")[0]})
        return shows[name](visit)

    async def stay(request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async def page_of_proxy(request: web.Request) -> web.StreamResponse:
        return _of_proxy(request.match_info["name"], request.headers.get("Accept-Language", ""))

    app = web.Application()

    async def guard(request: web.Request, response: web.StreamResponse) -> None:
        if not request.path.startswith("/proxy/"):
            await protect(secure=False)(request, response)

    app.on_response_prepare.append(guard)
    app.add_routes(
        [
            web.get(PREFIX + "/static/{name}", assets.get),
            web.get("/proxy/{name}", page_of_proxy),
            web.get(STAY, stay),
            web.get(PREFIX + "/login", stay),
            web.get("/{name}", show),
        ]
    )
    return Gallery(shows | {f"proxy/{key}": stay_out for key in TEXTS["en"]}, app)


def stay_out(visit: Visit) -> web.Response:
    """The proxy's pages are shown by the proxy's own renderer."""
    raise AssertionError


def _all(plain: Pages, rich: Pages, long: Pages) -> Iterator[tuple[str, Show]]:
    yield from _bind(plain, rich, long)
    yield from _conflict(plain, rich, long)
    yield from _me(plain, long)
    yield from _outside(plain, long)
    for word, notice in NOTICES.items():
        yield f"notice-{word}", _notice(plain, notice, None)
    for word in ("ticket_gone", "signed_out", "unavailable"):
        yield f"notice-{word}-rich", _notice(rich, NOTICES[word], Link(STAY, "again"))
    yield "notice-snapshot-again", _notice(plain, notices.SNAPSHOT, Link(STAY, "snapshot.again"))
    yield "restart", _page(plain, "restart.html", notice=notices.SIGNING_IN, url=STAY)
    yield "done", _page(plain, "done.html", user_id="1001", next_url="/orders#", me_url="/_gateway/me")
    yield "done-long", _page(long, "done.html", user_id=LONG_USER, next_url="/orders#", me_url="/_gateway/me")
    ours = dict.fromkeys(PrivacyNotice.TOPICS)
    theirs = dict.fromkeys(PrivacyNotice.TOPICS, "2026 / 1\n\n1. 12345678901234567890\n2. 09876543210987654321" * 3)
    for name, topics in (("privacy", ours), ("privacy-own", theirs)):
        notice = PrivacyNotice("12345678901234567890", "021-5555 0100")
        yield name, _page(rich, "privacy.html", notice=notice, topics=topics, version="2026-1")


def _bind(plain: Pages, rich: Pages, long: Pages) -> Iterator[tuple[str, Show]]:
    def show(
        pages: Pages, filled: Filled, fault: Fault | None = None, methods: tuple[str, ...] = ("password", "sms")
    ) -> Show:
        return lambda visit: BindForm(pages, methods, 60).show(visit, "t1cket", filled, NOW, fault)

    for method, faults in FAULTS.items():
        empty = Filled(method)
        typed = Filled(method, "13800138000", "13800138000", consent=True)
        yield f"bind-{method}", show(plain, empty)
        yield f"bind-{method}-only", show(rich, empty, methods=(method,))
        yield f"bind-{method}-long", show(long, replace(typed, username=LONG_USER))
        for word, fault in faults.items():
            filled = replace(typed, consent=word != "consent_required")
            yield f"bind-{method}-{word}", show(rich if word == "outage" else plain, filled, fault)
    sent = Filled("sms", "", "13800138000", consent=True, sent_at=NOW - 3)
    yield "bind-sms-sent", show(plain, sent)
    yield "bind-sms-sent-only", show(rich, sent, methods=("sms",))


def _conflict(plain: Pages, rich: Pages, long: Pages) -> Iterator[tuple[str, Show]]:
    wechat, user = ["wechat_taken"], ["user_taken"]
    for words in (wechat, user, wechat + user):
        for replaceable in (False, True):
            name = f"conflict-{'-'.join(words)}-{'replace' if replaceable else 'refuse'}"
            given = {"words": words, "away": False, "replaceable": replaceable, "ticket": "t1cket"}
            given |= {"user_id": "1001", "next_url": "/orders#"}
            yield name, _page(plain, "conflict.html", 409, **given)
            yield f"{name}-long", _page(long, "conflict.html", 409, **{**given, "user_id": LONG_USER})
    given = {"words": wechat + user, "away": True, "replaceable": True, "ticket": "t1cket"}
    yield "conflict-outage", _page(rich, "conflict.html", 503, **given, user_id="1001", next_url="/orders#")


def _me(plain: Pages, long: Pages) -> Iterator[tuple[str, Show]]:
    binding = Binding(Subject("main", "o1"), "1001", {"name": "x", "roles": ["y"]}, "pwd", 1, NOW, "1", NOW)
    bare = replace(binding, claims={}, method="sms", consent="", consented_at=None)
    big = replace(binding, user_id=LONG_USER, claims=dict.fromkeys(("department", "display_name", "roles", "email"), 1))
    big = replace(big, consent="2026-11-22-00000000000012")
    names = ("iPhone", "Windows (WeCom)", "Android (Mini Program)", "Other", "Other")
    devices = [Device(name, minute(NOW - 1000 * n), f"h{n}", n == 0) for n, name in enumerate(names)]
    given: dict[str, Any] = {"bind_url": f"{PREFIX}/bind", "token": "t0ken"}
    for name, pages, bound, shown in (
        ("me", plain, binding, devices[:1]),
        ("me-bare", plain, bare, devices[-1:]),
        ("me-several", plain, binding, devices),
        ("me-long", long, big, devices),
        ("me-unbound", plain, None, devices[:2]),
        ("me-alone", plain, binding, []),
    ):
        on = day(NOW) if bound else None
        agreed = day(NOW) if bound and bound.consented_at else None
        yield name, _page(pages, "me.html", binding=bound, bound_on=on, consented_on=agreed, devices=shown, **given)
    yield "unbind", _page(plain, "unbind.html", user_id="1001", token="t0ken")
    yield "unbind-long", _page(long, "unbind.html", user_id=LONG_USER, token="t0ken")
    yield "logout", _page(plain, "logout.html", token="t0ken")


def _outside(plain: Pages, long: Pages) -> Iterator[tuple[str, Show]]:
    for on_phone in (False, True):
        for name, pages, url in (("", plain, "http://127.0.0.1/orders"), ("-long", long, LONG_ADDRESS)):
            given = {"url": url, "code": qr_svg(url), "on_phone": on_phone, "anyway": STAY}
            yield f"outside-{'phone' if on_phone else 'desktop'}{name}", _page(pages, "outside.html", **given)
    yield "handover_start", _page(plain, "handover_start.html", return_to="/", token="t0ken", anyway=STAY)
    yield "handover_start-long", _page(long, "handover_start.html", return_to="/", token="t0ken", anyway=STAY)
    watched = {"left": 117, "refresh": 3, "again": STAY}
    code = qr_svg("http://127.0.0.1/_gateway/handover/approve?key=AAAAAAAAAAAAAAAAAAAAAA")
    for stage, shown, number in ((Stage.OPEN, code, ""), (Stage.CLAIMED, "", "07")):
        given = {"stage": stage.value, "code": shown, "number": number, **watched}
        yield f"handover-{stage.value}", _page(plain, "handover.html", **given)
        yield f"handover-{stage.value}-long", _page(long, "handover.html", **given)
    for claimed in (False, True):
        for name, device, ip in (("", "Windows", "203.0.113.7"), ("-unknown", "Other", "")):
            given = {"key": "A" * 22, "token": "t0ken", "device": device, "ip": ip, "claimed": claimed}
            word = "number" if claimed else "question"
            yield f"handover_approve-{word}{name}", _page(plain, "handover_approve.html", **given)
    given |= {"device": "Android (Mini Program)", "ip": "2001:db8:1234:5678:9abc:def0:1234:5678"}
    yield "handover_approve-long", _page(long, "handover_approve.html", **given)


def _page(pages: Pages, template: str, status: int = 200, **values: Any) -> Show:
    return lambda visit: pages.page(visit, template, status, **values)


def _notice(pages: Pages, notice: Notice, action: Link | None) -> Show:
    return lambda visit: pages.notice(visit, notice, action=action)


def _of_proxy(name: str, accepted: str) -> web.Response:
    """One of the proxy's small pages, with its own headers."""
    key: int | str = int(name) if name.isdecimal() else name
    lines = [b"Host: a.example", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document", b"Accept: text/html"]
    lines.append(b"Accept-Language: " + accepted.encode())
    head, request = RequestHead(b"GET", b"/spa", True, lines, request_names([b"X-User"])), REQUEST.encode()
    route = Route("app", ("*",), "/", False, frozenset("*"), Policy("page", Access.BOUND, keep_fragment=True), "legacy")
    renderer = Renderer(
        prefix=PREFIX,
        public_url="",
        callback_origin=str,
        providers={},
        dance=None,  # type: ignore[arg-type]  # nothing dances here
        secure=False,
    )
    if key in (200, 401):
        answer = renderer.login(Login(Reason.NO_SESSION, redirect=key == 200), route, head, "main", request, NOW)
    elif key == "bind":
        answer = renderer.bind(Bind(Reason.NOT_BOUND, redirect=False), route, head, request)
    else:
        answer = renderer.error(key if isinstance(key, int) else 403, str(key), head, request)
    fields = [field.decode().rstrip().partition(": ")[::2] for field in answer.fields]
    return web.Response(status=answer.status, body=answer.body, headers=fields)
