"""Which route a request comes under, by host, path and method.

Law: a request has a route only if every reading of its path, by a reader who minds letter case and a
final slash and by one who does not, comes under that one route. The cost does not grow with the table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .errors import GatewayError
from .hosts import split_port
from .policy import Route
from .reasons import Reason
from .target import Target, parse_target

MEMO_SIZE = 4096  # verdicts remembered
MAX_MEMO_KEY = 512  # characters of host and path together, so the memory is bounded too
HOST_MEMO_SIZE = 256  # hosts remembered
MAX_HOST = 253  # characters, RFC 1035 2.3.4; a longer one is nobody's but "*"'s

_REFUSALS = {
    Reason.AMBIGUOUS_TARGET: (400, "readers could take it for different paths, which come under different routes"),
    Reason.NO_ROUTE: (404, "no route has this host and path"),
    Reason.METHOD_NOT_ALLOWED: (405, "no route of this host and path has the method"),
}
_OWN = "/"  # stands for every host, before all others; no host name has a slash


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one reading of a path went through the table: the rules passed over for their methods, then the outcome.

    `rivals`: what a reader blind to letter case and a final slash takes it for, if that is another route.
    """

    reading: str
    passed_over: tuple[Route, ...]
    outcome: Route | Reason
    rivals: tuple[Route, ...] = ()


class RouteTable:
    """The rules. ValueError for two rules that say the same, or a path that readers could disagree on.

    Hosts: exact, then the longest `*.suffix`, then `*`. Within a host the longest path, exact before prefix.
    A rule of another method is passed over. Own pages come first on any host. GET includes HEAD.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        for route in routes:
            _check_path(route)
        self._strict = _Index(routes, _as_sent)
        self._lax = _Index(routes, _without_case_and_final_slash)
        self._strict.check_duplicates()
        self._plain = all(_without_case_and_final_slash(route.path) == route.path for route in routes)
        self._remembered = lru_cache(MEMO_SIZE)(self._judge)

    def match(self, host: str, method: str, target: Target) -> Route:
        """The one route. `host` as sent (a port is ignored). GatewayError 400, 404 or 405 if there is none."""
        readings = target.readings
        judge = self._remembered if len(host) + len(readings[0]) <= MAX_MEMO_KEY else self._judge
        verdict = judge(host, method, readings[0])
        outcome = verdict.outcome
        if len(readings) > 1:
            outcome = _agreed([judge(host, method, reading).outcome for reading in readings])
        if isinstance(outcome, Reason):
            methods = {name for route in verdict.passed_over for name in route.methods}
            allow = tuple(sorted(methods)) if outcome is Reason.METHOD_NOT_ALLOWED else ()
            status, message = _REFUSALS[outcome]
            raise GatewayError(status, outcome, message, allow)
        if outcome.prefixes is not None:
            outcome.prefixes.upstream_target(target.raw)  # refuses what would become another target
        return outcome

    def explain(self, host: str, method: str, target: Target) -> tuple[Verdict, ...]:
        """What `match` looks at: a verdict for each reading. They must name one and the same route."""
        return tuple(self._judge(host, method, reading) for reading in target.readings)

    def _judge(self, host: str, method: str, reading: str) -> Verdict:
        passed_over, winners = self._strict.find(host, method, reading)
        if not winners:
            return Verdict(reading, passed_over, Reason.METHOD_NOT_ALLOWED if passed_over else Reason.NO_ROUTE)
        if self._plain and _without_case_and_final_slash(reading) == reading:
            return Verdict(reading, passed_over, winners[0])  # both readers see the very same
        _, rivals = self._lax.find(host, method, reading)
        if not any(rival is winners[0] for rival in rivals):
            return Verdict(reading, passed_over, Reason.AMBIGUOUS_TARGET, rivals)
        return Verdict(reading, passed_over, winners[0])


def _agreed(outcomes: list[Route | Reason]) -> Route | Reason:
    if all(outcome is outcomes[0] for outcome in outcomes):
        return outcomes[0]
    return Reason.AMBIGUOUS_TARGET


class _Index:
    """Rules by host and path, spelled as one kind of reader compares paths."""

    def __init__(self, routes: Sequence[Route], spell: Callable[[str], str]) -> None:
        self._spell = spell
        self._hosts: dict[str, _Paths] = {}
        self._paths_on = lru_cache(HOST_MEMO_SIZE)(self._find_paths_on)
        self._depth = max((route.path.count("/") for route in routes), default=0)
        for route in sorted(routes, key=lambda route: not route.exact):
            path = spell(route.path)
            for pattern in {_OWN} if route.own else {_spell_host(pattern) for pattern in route.hosts}:
                paths = self._hosts.setdefault(pattern, _Paths({}, {}))
                paths.here.setdefault(path, []).append(route)
                if not route.exact:
                    paths.below.setdefault(path, []).append(route)

    def find(self, host: str, method: str, path: str) -> tuple[tuple[Route, ...], tuple[Route, ...]]:
        """The rules passed over for their methods, and the best that serve the request: exact ones first, or none."""
        passed_over: list[Route] = []
        for rules in self._candidates(host, self._spell(path)):
            if winners := [rule for rule in rules if _serves(rule, method)]:
                return tuple(passed_over), tuple(winners)
            passed_over += (rule for rule in rules if rule not in passed_over)
        return tuple(passed_over), ()

    def _candidates(self, host: str, path: str) -> Iterator[Sequence[Route]]:
        prefixes = _prefixes(path, self._depth)
        for paths in self._paths_on(host) if len(host) <= MAX_HOST else self._find_paths_on("*"):
            if path in paths.here:
                yield paths.here[path]
            for prefix in prefixes:
                if prefix in paths.below:
                    yield paths.below[prefix]

    def _find_paths_on(self, host: str) -> tuple["_Paths", ...]:
        return tuple(self._hosts[pattern] for pattern in _host_patterns(host) if pattern in self._hosts)

    def check_duplicates(self) -> None:
        """ValueError if two rules of one host, path and kind share a method."""
        for pattern, paths in self._hosts.items():
            for rules in paths.here.values():
                for place, rule in enumerate(rules):
                    for other in rules[:place]:
                        if other.exact == rule.exact and _overlap(other, rule):
                            raise ValueError(
                                f"routes {other.id!r} and {rule.id!r} say the same: {rule.path} on {pattern}"
                            )


@dataclass(frozen=True, slots=True)
class _Paths:
    """One host's rules: those for exactly a path (exact ones first), and those for what lies below it."""

    here: dict[str, list[Route]]
    below: dict[str, list[Route]]


def _check_path(route: Route) -> None:
    try:
        clean = parse_target(route.path.encode("ascii")).readings == (route.path,) and "?" not in route.path
    except (GatewayError, UnicodeEncodeError):
        clean = False
    if not clean or (not route.exact and route.path != "/" and route.path.endswith("/")):
        raise ValueError(f"route {route.id!r}: readers could disagree on the path {route.path!r}")


def _serves(route: Route, method: str) -> bool:
    methods = route.methods
    return method in methods or "*" in methods or (method == "HEAD" and "GET" in methods)


def _overlap(one: Route, other: Route) -> bool:
    return any(method == "*" or _serves(other, method) for method in one.methods) or any(
        method == "*" or _serves(one, method) for method in other.methods
    )


def _as_sent(path: str) -> str:
    return path


def _without_case_and_final_slash(path: str) -> str:
    # upper first: it also maps what only looks lower-case, such as a dotless i
    return path.upper().lower().rstrip("/") or "/"


def _spell_host(host: str) -> str:
    return split_port(host)[0].lower().removesuffix(".")


def _host_patterns(host: str) -> Iterator[str]:
    name = _spell_host(host)
    yield from (_OWN, name)
    label, dot, suffix = name.partition(".")
    while dot and label:
        yield "*." + suffix
        label, dot, suffix = suffix.partition(".")
    if name != "*":
        yield "*"


def _prefixes(path: str, depth: int) -> list[str]:
    """The path's parents of at most `depth` segments, and itself if it has no more; longest first."""
    prefixes = ["/"]
    end = path.find("/", 1)
    while end != -1 and len(prefixes) <= depth:
        prefixes.append(path[:end])
        end = path.find("/", end + 1)
    if end == -1:
        prefixes.append(path)
    prefixes.reverse()
    return prefixes
