"""The table about which requests go where: [[routes]]."""

from dataclasses import replace

from pydantic import ValidationInfo, field_validator

from gateway.core.policy import Policy, Route
from gateway.core.prefixes import Prefixes

from .context import Section, key
from .values import HostPattern, Id, Method, ParsedRoutePath, Prefix, Protocol, Timeout, Word


class RouteRule(Section):
    """One rule: which requests, under which policy, to which upstream. The longest path wins."""

    id: Id = key(description="Our name for it: in the log, metrics, and the token's `route`.")
    hosts: tuple[HostPattern, ...] = key(
        default=("*",), min_length=1, description="Exact host names, `*.suffix`, or `*` for any."
    )
    path: ParsedRoutePath = key(
        default="/",
        description="This path and all below it, by whole segments; a trailing slash means nothing. `= /exact` is "
        "this path only.",
    )
    methods: tuple[Method, ...] = key(default=("*",), min_length=1, description="Methods, or `*` for any.")
    policy: str = key(description="The policy's name: `page` is policies/page.toml.")
    upstream: str = key(description="The upstream's id.")
    audience: Word | None = key(
        default=None,
        description="The token's `aud`: who shall accept it. Required unless the policy is public. One a backend.",
    )
    upgrade: tuple[Protocol, ...] = key(
        default=("websocket",),
        description="Protocols that a client may switch to, if the upstream agrees. `[]`: none.",
    )
    response_timeout: Timeout | None = key(
        default=None,
        description="How long the response's head may take here. Default: the policy's, or the upstream's.",
    )
    strip_prefix: Prefix | None = key(
        default=None, description="Taken off the path for the upstream: the route's path, or the beginning of it."
    )
    add_prefix: Prefix | None = key(
        default=None, description="Put before the path for the upstream: where the application believes to live."
    )

    @field_validator("strip_prefix")
    @classmethod
    def _of_the_path(cls, prefix: str | None, info: ValidationInfo) -> str | None:
        path = info.data.get("path")
        if prefix and path and not f"{path.path}/".startswith(f"{prefix}/"):
            raise ValueError(f"must be the route's path {path.path}, or the beginning of it by whole segments")
        return prefix

    @field_validator("hosts", "methods", "upgrade")
    @classmethod
    def _star_alone(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if "*" in names and len(names) > 1:
            raise ValueError('says everything with "*": leave out the others')
        if len(set(names)) < len(names):
            raise ValueError("names the same twice")
        return names


def route_of(rule: RouteRule, policy: Policy, reserved: str) -> Route:
    """The rule book's value of a rule. `reserved`: the prefix of the gateway's own pages."""
    prefixes: Prefixes | None = None
    if rule.strip_prefix or rule.add_prefix:
        strip, add = rule.strip_prefix or "", rule.add_prefix or ""
        prefixes = Prefixes(strip.encode("ascii"), add.encode("ascii"), reserved.encode("ascii"))
    if rule.response_timeout is not None:
        policy = replace(policy, response_timeout=rule.response_timeout)
    return Route(
        id=rule.id,
        hosts=rule.hosts,
        path=rule.path.path,
        exact=rule.path.exact,
        methods=frozenset(rule.methods),
        policy=policy,
        upstream=rule.upstream,
        audience=rule.audience,
        prefixes=prefixes,
        upgrade=frozenset(protocol.encode("ascii") for protocol in rule.upgrade),
    )
