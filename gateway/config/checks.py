"""What must fit between tables and files: references, duplicates, and what would shut people out.

Each check speaks about the tables that are right in themselves, and leaves out what depends on a wrong one.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.core.errors import GatewayError
from gateway.core.policy import Access, Route
from gateway.core.routing import RouteTable
from gateway.core.target import parse_target

from .addresses import Tcp, host_of
from .apps import App
from .bind import Bind
from .context import Context, Section
from .document import Document
from .lines import KeyPath
from .names import folded
from .outside import check_outside, hosts_of
from .policies import PolicyFile, policy_of
from .problems import Problem, dotted
from .routes import RouteRule, route_of
from .server import Server
from .stores import Bindings, Identity, State

S = TypeVar("S", bound=Section)
Finding = tuple[KeyPath, str]


@dataclass(frozen=True)
class Draft:
    """A configuration that may be wrong in places. `policies` holds None for a file that is wrong."""

    document: Document
    context: Context
    policies: Mapping[str, PolicyFile | None]

    def table(self, name: str, kind: type[S]) -> S | None:
        """The table, unless it is wrong or missing."""
        found = self.context.valid.get(id(self.document.data.get(name)))
        return found if isinstance(found, kind) else None

    def tables(self, name: str, kind: type[S]) -> Iterator[tuple[int, S]]:
        """Those of [[name]] that are right, with their numbers."""
        for index, raw in enumerate(self.raw(name)):
            if isinstance(found := self.context.valid.get(id(raw)), kind):
                yield index, found

    def raw(self, name: str) -> Iterable[Any]:
        """The tables of [[name]], right or wrong."""
        tables = self.document.data.get(name)
        return tables if isinstance(tables, tuple) else ()

    def problem(self, key: KeyPath, message: str) -> Problem:
        """A problem of gateway.toml, with the line of its key."""
        return Problem(self.document.file, self.document.lines[key], dotted(key), message)

    def ids(self, name: str) -> list[str]:
        """The ids in [[name]], also of wrong tables: a reference to them is right."""
        return [raw["id"] for raw in self.raw(name) if isinstance(raw, dict) and isinstance(raw.get("id"), str)]

    def policy(self, route: RouteRule) -> PolicyFile | None:
        """The route's policy, if it is known."""
        return self.policies.get(route.policy)


def check_all(draft: Draft) -> Iterator[Finding]:
    """Every problem between tables, as key path and message."""
    for check in (_ids, _listeners, _apps, _stores, _routes, _table, _secrets_per_audience, _binding):
        yield from check(draft)


def _ids(draft: Draft) -> Iterator[Finding]:
    for name in ("apps", "upstreams", "routes"):
        ids = [raw.get("id") if isinstance(raw, dict) else None for raw in draft.raw(name)]
        for index, id_ in enumerate(ids):
            if isinstance(id_, str) and id_ in ids[:index]:
                yield (name, index, "id"), f"{id_!r} is taken by another of [[{name}]]: each needs its own"


def _listeners(draft: Draft) -> Iterator[Finding]:
    if not (server := draft.table("server", Server)):
        return
    seen: set[object] = set()
    keys: list[KeyPath] = [("server", "listen", index) for index in range(len(server.listen))]
    for key, address in zip([*keys, ("server", "admin")], [*server.listen, server.admin], strict=True):
        if address in seen and not (isinstance(address, Tcp) and address.port == 0):
            yield key, f"{address} is listed twice: each listener needs an address of its own"
        if isinstance(address, Tcp) and address.tls and "tls" not in draft.document.data["server"]:
            yield key, "needs a certificate: write server.tls = { certificate = …, key = … }"
        seen.add(address)
    if server.tls is not None and not any(isinstance(each, Tcp) and each.tls for each in server.listen):
        yield ("server", "tls"), 'is for no listener: write tls:// before one of server.listen, like "tls://[::]:8443"'


def _apps(draft: Draft) -> Iterator[Finding]:
    server = draft.table("server", Server)
    hosts: dict[str, str] = {}
    files: dict[str, str] = {}
    for index, app in draft.tables("apps", App):
        for host in hosts_of(app, server.public_url) if server else app.hosts:
            if (other := hosts.setdefault(host, app.id)) != app.id:
                yield ("apps", index, "hosts"), f"{host} logs in through app {other!r} already: a host has one app"
        for name, content in app.domain_verification.items():
            if files.setdefault(name, content) != content:
                yield ("apps", index, "domain_verification", name), "has another content in another app"
        yield from ((("apps", index, key), message) for key, message in check_outside(app, draft.raw("apps")))


def _stores(draft: Draft) -> Iterator[Finding]:
    state, bindings = draft.table("state", State), draft.table("bindings", Bindings)
    if state and bindings and state.url == bindings.url:
        yield ("state", "url"), "is bindings.url too: each needs a file of its own"


def _routes(draft: Draft) -> Iterator[Finding]:
    server = draft.table("server", Server)
    for index, raw in enumerate(draft.raw("routes")):
        for key, kind, known in (
            ("policy", "policy file", draft.policies),
            ("upstream", "upstream", draft.ids("upstreams")),
        ):
            if isinstance(raw, dict) and isinstance(name := raw.get(key), str) and name not in known:
                yield ("routes", index, key), _no_such(kind, name, known)
    for index, route in draft.tables("routes", RouteRule):
        here = ("routes", index)
        policy = draft.policy(route)
        if policy and policy.access != "public" and route.audience is None:
            yield (
                (*here, "audience"),
                f"is required, for policy {route.policy!r} sends an identity: name the backend that shall accept it",
            )
        if server and f"{route.path.path}/".startswith(f"{server.prefix}/"):
            yield (*here, "path"), f"lies under {server.prefix}, where the gateway's own pages are"


def _no_such(kind: str, name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known := sorted(known), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(known) or 'none'}"
    return f"there is no {kind} {name!r}; {hint}"


def _table(draft: Draft) -> Iterator[Finding]:
    """Rules that say the same, and pages that people must reach before they can sign in."""
    rules = list(draft.tables("routes", RouteRule))
    files = [draft.policy(rule) for _, rule in rules]
    server, bind = draft.table("server", Server), draft.table("bind", Bind)
    reserved = server.prefix if server else ""
    routes = [
        route_of(rule, policy_of(rule.policy, file), reserved)
        for (_, rule), file in zip(rules, files, strict=True)
        if file
    ]
    if len(routes) < len(list(draft.raw("routes"))):
        return
    try:
        table = RouteTable(routes)
    except ValueError:
        yield from _duplicates(routes)
        return
    for name in ("privacy_url", "register_url", "help_url") if server and bind else ():
        url = getattr(bind, name)
        if server and url.startswith("/") and not f"{url}/".startswith(f"{server.prefix}/"):
            yield from ((("bind", name), message) for message in _unreachable(url, host_of(server.public_url), table))


def _duplicates(routes: Sequence[Route]) -> Iterator[Finding]:
    for index in range(len(routes)):
        try:
            RouteTable(routes[: index + 1])
        except ValueError as error:
            yield ("routes", index, "path"), str(error)
            return


def _unreachable(url: str, host: str, table: RouteTable) -> Iterator[str]:
    try:
        route = table.match(host, "GET", parse_target(url.partition("#")[0].encode("ascii")))
    except GatewayError as error:
        yield f"leads nowhere ({error.reason}): write a route with a public policy for it"
        return
    if route.policy.access in (Access.WECHAT, Access.BOUND):
        yield (
            f"lies behind route {route.id!r}, whose policy {route.policy.name!r} asks people to sign in first: "
            "write a route with a public policy for it"
        )


def _secrets_per_audience(draft: Draft) -> Iterator[Finding]:
    """HS256: one secret an audience, so that no backend can speak to another; a ring of keys has none twice."""
    if not (identity := draft.table("identity", Identity)):
        return
    audiences = {route.audience for _, route in draft.tables("routes", RouteRule) if route.audience}
    held: set[str] = set()
    seen: set[bytes] = set()
    for index, key in enumerate(identity.keys):
        here = ("identity", "keys", index)
        if (secret := key.secret.get_secret_value()) in seen:
            yield here, "is listed twice: each key once"
        seen.add(secret)
        if identity.algorithm != "HS256":
            continue
        if key.audience is None and len(identity.keys) + len(audiences) > 2:
            yield here, 'needs audience = "…": with HS256 every audience has a secret of its own'
        elif key.audience in held:
            yield here, f"is a second secret for audience {key.audience!r}: one each"
        held |= {key.audience} if key.audience else audiences
    if identity.algorithm == "HS256" and (missing := sorted(audiences - held)):
        yield ("identity", "keys"), f"has no secret for audience {', '.join(map(repr, missing))}"


def _binding(draft: Draft) -> Iterator[Finding]:
    bind = draft.table("bind", Bind)
    if not bind:
        return
    missing = [method for method in bind.methods if getattr(bind, method) is None]
    if draft.document.data["bind"]:
        for method in missing:
            yield ("bind", "methods"), f"offers {method!r}: write a table [bind.{method}] for it"
    else:
        for index, route in draft.tables("routes", RouteRule):
            if (policy := draft.policy(route)) and policy.access == "bound":
                yield (
                    ("routes", index, "policy"),
                    f"{route.policy!r} lets bound users pass only, but nobody can bind: write [bind.password] "
                    "with verifier and url",
                )


def check_policy(file: PolicyFile, draft: Draft) -> Iterator[Finding]:
    """What a policy file may not do beside this gateway.toml."""
    identity = draft.table("identity", Identity)
    for header in file.headers:
        if identity and folded(header) == folded(identity.header):
            yield ("headers", header), "is the signed header's own name (identity.header): choose another"
    if not (edits := file.request_headers):
        return
    ours = {folded(name) for other in draft.policies.values() if other for name in other.headers}
    ours |= {folded(identity.header)} if identity else set()
    named: list[tuple[KeyPath, str]] = [(("set", name), name) for name in edits.set]
    named += [(("remove", index), name) for index, name in enumerate(edits.remove)]
    for key, name in named:
        if folded(name) in ours:
            yield (
                ("request_headers", *key),
                f"{name!r} carries identity (identity.header, or headers of a policy): the gateway alone writes it",
            )
