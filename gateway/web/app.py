"""The gateway's own pages as an aiohttp application, wired from its parts."""

import warnings

import aiohttp_session
from aiohttp import web

from gateway.wire.tasks import Tasks

from .assets import Assets
from .bind import Bind
from .bindform import BindForm, SentCodes
from .callback import Callback
from .care import Care
from .conflicts import Conflicts
from .desk import TicketDesk
from .exchanges import Exchanges
from .floor import Floor, Pace
from .forms import MAX_BODY, behind_its_body
from .judge import Judge
from .leaving import Leaving
from .links import Links
from .lockout import Accounts
from .login import Login
from .me import Me
from .outcomes import OutcomeSealer
from .outsiders import outside_routes
from .pages import Pages
from .parts import WebParts
from .privacy import Privacy
from .proofs import CodeNames, PasswordProof, Proof, SmsProof
from .sending import DRAIN, SenderHealth, Sending
from .shield import failures, protect
from .sms import ANSWERED, Sms
from .success import Success, Teller
from .tickets import Tickets
from .visitors import Visitors
from .wellknown import DomainFiles, Jwks

# aiohttp-session keeps its session under a plain string, of which newer aiohttp warns.
warnings.filterwarnings("ignore", category=web.NotAppKeyWarning, module=r"aiohttp_session(\..+)?")


def build_web(parts: WebParts) -> web.Application:
    """An application that serves `parts.prefix` and the domain files. It opens nothing and owns no part."""
    tasks = Tasks()
    links = Links(parts.prefix)
    assets = Assets(parts.prefix, parts.look.files())
    pages = Pages(parts.prefix, parts.brand, assets.urls, parts.look)
    visitors = Visitors(parts.bindings, parts.absolute, parts.counts_on)
    tickets = Tickets(parts.state, parts.limits.ticket, parts.limits.chain, parts.random)
    login = Login(
        parts.dance,
        parts.providers,
        parts.app_of_host,
        parts.origin_of,
        links,
        parts.outside,
        parts.metrics,
        parts.clock,
    )
    exchanges = Exchanges(
        parts.state, OutcomeSealer(parts.result_sealer), parts.limits.exchange_wait, parts.clock, parts.sleep
    )
    callback = Callback(
        login,
        parts.dance,
        parts.providers,
        exchanges,
        visitors,
        tickets,
        parts.needs_binding,
        parts.state,
        parts.names,
        parts.limits,
        pages,
        links,
        parts.metrics,
        parts.clock,
    )
    can_bind = bool(parts.methods)
    teller = Teller(parts.tell, parts.random)
    me = Me(visitors, parts.bindings, parts.names, parts.origin_of, pages, links, can_bind, parts.clock)
    leaving = Leaving(
        visitors,
        parts.bindings,
        parts.cookies,
        parts.names,
        parts.origin_of,
        teller,
        links,
        parts.absolute,
        parts.clock,
    )
    routes = [
        web.get("/callback", callback.get, allow_head=False),
        web.get("/me", me.get),
        web.get("/me/unbind", me.confirm_unbind),
        web.post("/me/end", leaving.end_other),
        web.post("/unbind", leaving.unbind),
        web.get("/logout", me.confirm_logout),
        web.post("/logout", leaving.logout),
        web.post("/logout/everywhere", leaving.logout_everywhere),
        web.get("/privacy", Privacy(parts.notice, parts.brand.consent_version, pages).get),
        web.get("/jwks.json", Jwks(parts.jwks).get),
        web.get("/static/{name}", assets.get),
        web.post("/care", Care(pages, links, parts.origin_of, parts.secure).post),
        *_binding(parts, links, pages, visitors, tickets, teller, tasks),
        *outside_routes(parts, login, visitors, pages, links),
    ]
    app = web.Application(
        middlewares=[failures(pages), aiohttp_session.session_middleware(parts.sessions)], client_max_size=MAX_BODY
    )
    app.on_response_prepare.append(protect(parts.secure))
    app.add_routes([web.RouteDef(r.method, parts.prefix + r.path, r.handler, r.kwargs) for r in routes])
    app.add_routes([web.get("/{name}", DomainFiles(parts.domain_files).get)])

    async def stop(_: web.Application) -> None:
        await tasks.close(DRAIN)

    app.on_cleanup.append(stop)
    return app


def _binding(
    parts: WebParts, links: Links, pages: Pages, visitors: Visitors, tickets: Tickets, teller: Teller, tasks: Tasks
) -> list[web.RouteDef]:
    """The bind page's routes; none if no way to bind is configured."""
    desk = TicketDesk(parts.state, visitors, links, parts.origin_of)
    form = BindForm(pages, parts.methods, parts.limits.resend)
    sent_codes = SentCodes(parts.result_sealer)
    codes = CodeNames(parts.names)
    limits, metrics = parts.limits, parts.metrics
    floor = Floor(limits.floor, parts.monotonic, parts.sleep, metrics.bind_late)
    accounts = Accounts(parts.state, parts.names, limits.lockout, limits.failures_per_account)
    pace = Pace(parts.monotonic, parts.sleep)
    judge = Judge(parts.state, parts.bindings, accounts, parts.names, limits, pace, metrics)
    proofs: dict[str, Proof] = {}
    routes: list[web.RouteDef] = []
    if parts.password:
        proofs["password"] = PasswordProof(parts.password)
    if parts.sms and parts.resolver:
        proofs["sms"] = SmsProof(parts.resolver, parts.state, codes, parts.phone)
        health = SenderHealth(parts.state, parts.names)
        sending = Sending(parts.state, parts.sms, codes, health, parts.limits, tasks, parts.clock, parts.random)
        sms = Sms(
            desk,
            parts.state,
            parts.resolver,
            parts.phone,
            sending,
            health,
            form,
            sent_codes,
            parts.names,
            links,
            parts.limits,
            parts.clock,
        )
        routes.append(web.post("/bind/sms", behind_its_body(floor.over(sms.post, "sms", ANSWERED))))
    if proofs:
        success = Success(visitors, teller, pages, links, parts.metrics, page=parts.success_page)
        conflicts = Conflicts(desk, tickets, parts.bindings, success, pages, links, parts.metrics, parts.clock)
        bind = Bind(
            desk,
            tickets,
            visitors,
            parts.bindings,
            judge,
            proofs,
            form,
            sent_codes,
            success,
            conflicts,
            links,
            parts.limits,
            parts.brand.consent_version,
            parts.metrics,
            parts.clock,
        )
        routes += [
            web.get("/bind", bind.get),
            web.post("/bind", behind_its_body(floor.over(bind.post, "bind", {401}))),
            web.post("/bind/replace", conflicts.post),
            web.get("/bind/done", success.get),
        ]
    return routes
