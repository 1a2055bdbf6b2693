"""`gateway explain`: what would happen to a request, and why. The very code that serves decides."""

import argparse
import re
from urllib.parse import urlsplit

from gateway.core.decision import Bind, Decision, Facts, Forward, Login, SessionState, decide
from gateway.core.errors import GatewayError
from gateway.core.hosts import AppHosts
from gateway.core.identity import Binding, Subject
from gateway.core.policy import Route
from gateway.core.reasons import Reason
from gateway.core.routing import RouteTable
from gateway.core.target import parse_target
from gateway.front import own_routes

from .common import Subparsers, add_config, fail, loaded_or_none


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("explain", help="say which route, policy and decision a URL gets, and why")
    add_config(parser)
    parser.add_argument("url", help="a URL or a path on public_url")
    parser.add_argument("--method", default="GET")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--user", metavar="USER_ID", help="somebody bound to this user")
    who.add_argument("--unbound", action="store_true", help="a WeChat user without a binding")
    who.add_argument("--anonymous", action="store_true", help="nobody (the default)")
    parser.add_argument("--claim", action="append", default=[], metavar="NAME=VALUE", help="a claim of --user")
    parser.add_argument("--program", action="store_true", help="a script's request, not a page that a browser opens")
    parser.add_argument("--preflight", action="store_true", help="what a browser asks before a cross-origin request")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Explain one request."""
    loaded = loaded_or_none(arguments.config)
    if loaded is None:
        return 2
    settings = loaded.settings
    if not re.match(r"https?://[^/?#]|/", arguments.url):
        return fail(f"{arguments.url!r} is not a URL: begin with https://, http:// or, for public_url, with /", 2)
    if wrong := [claim for claim in arguments.claim if not re.match(r"[^=]+=", claim)]:
        return fail(f"--claim {wrong[0]!r}: write NAME=VALUE", 2)
    try:
        parts = urlsplit(settings.server.public_url + arguments.url if arguments.url[0] == "/" else arguments.url)
    except ValueError as error:
        return fail(f"{arguments.url!r} is not a URL: {error}", 2)
    raw = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    method = "OPTIONS" if arguments.preflight else arguments.method.upper()
    files = [name for app in settings.apps for name in app.domain_verification]
    table = RouteTable([*own_routes(settings.server.prefix, files), *loaded.routes])
    hosts = AppHosts({app.id: app.hosts for app in settings.apps}, settings.server.public_url)
    host = parts.netloc.rpartition("@")[2].lower()
    try:
        target = parse_target(raw.encode("ascii"))
        for verdict in table.explain(host, method, target):
            passed = "".join(f", passed over {route.id} (its methods)" for route in verdict.passed_over)
            outcome = verdict.outcome if isinstance(verdict.outcome, Reason) else verdict.outcome.id
            print(f"reading   {verdict.reading}  →  {outcome}{passed}")
        route = table.match(host, method, target)
    except (GatewayError, UnicodeEncodeError) as error:
        status, reason = (error.status, error.reason) if isinstance(error, GatewayError) else (400, "bad_target")
        print(f"decision  refuse with {status}\nreason    {reason}: {error}")
        return 0
    app = hosts.app(host)
    print(f"route     {route.id}\npolicy    {route.policy.name} (access = {route.policy.access})")
    print(f"app       {app or 'none: no app lists this host'}")
    decision = decide(_facts(arguments, route, app, method))
    if isinstance(decision, Forward):
        forwarded = route.prefixes.upstream_target(target.raw) if route.prefixes is not None else target.raw
        print(f"target    {forwarded.decode('ascii')}")
        if route.policy.request_headers is not None:
            print(f"request   {route.policy.request_headers}")
        if route.policy.response_headers is not None:
            print(f"response  {route.policy.response_headers}")
    print(f"decision  {_told(decision, route.upstream)}\nreason    {decision.reason}")
    return 0


def _facts(arguments: argparse.Namespace, route: Route, app: str | None, method: str) -> Facts:
    subject = Subject(app or "", "explained")
    claims: dict[str, object] = {}
    for claim in arguments.claim:
        name, _, value = claim.partition("=")
        claims.setdefault(name, []).append(value)  # type: ignore[attr-defined]
    binding = Binding(subject, arguments.user, claims, "pwd", 1, 0) if arguments.user else None
    live = bool(arguments.user) or arguments.unbound
    safe = method in ("GET", "HEAD")
    return Facts(
        route,
        navigation=safe and not arguments.program,
        app=app,
        session=SessionState.LIVE if live else SessionState.ABSENT,
        session_app=app if live else None,
        auth_age=0.0 if live else None,
        binding=binding,
        safe_method=safe,
        preflight=arguments.preflight,
    )


def _told(decision: Decision, upstream: str) -> str:
    if isinstance(decision, Forward):
        return f"forward to {upstream}, {'with identity' if decision.identified else 'without identity'}"
    if isinstance(decision, Login):
        return "redirect to WeChat" if decision.redirect else "refuse with 401"
    if isinstance(decision, Bind):
        return "redirect to the bind page" if decision.redirect else "refuse with 403"
    return f"refuse with {decision.status}"
