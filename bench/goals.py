"""What the gateway shall reach, and what it has reached."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.load import Load
from bench.results import Results


@dataclass(frozen=True, slots=True)
class Goal:
    """`reached` may be at most `limit`, or with `least` at least; both in `unit`."""

    text: str
    limit: float
    reached: float
    unit: str
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is met."""
        return self.reached >= self.limit if self.least else self.reached <= self.limit


_RATIOS: tuple[tuple[str, float, str, str, str], ...] = (  # text, limit, kind, ours, the other
    ("CPU, 1 KB GET: of plain nginx's", 1.4, "get-1k", "gateway", "nginx"),
    ("CPU, 1 KB GET: of nginx's with `auth_request`", 0.5, "get-1k", "gateway", "nginx-auth"),
    ("CPU, 1 KB GET: of Apache's with mod_auth_openidc", 0.2, "get-1k", "gateway", "apache-oidc"),
    ("CPU, POST of a form: of nginx's", 2.0, "post-1k", "gateway", "nginx"),
    ("CPU, POST in chunks: of nginx's", 2.0, "upload-chunked", "gateway", "nginx"),
    ("CPU, answer 404: of nginx's", 2.0, "get-404", "gateway", "nginx"),
    ("CPU, answer in chunks: of nginx's", 2.0, "get-chunked", "gateway", "nginx"),
    ("CPU, 100 KB GET: of nginx's", 1.3, "get-100k", "gateway", "nginx"),
    ("CPU, 1,000 routes: of that with 10", 1.1, "routes", "gateway-1000", "gateway-10"),
)


def goals(results: Results) -> list[Goal]:
    """Those whose figures were measured."""

    def ratio(figure: Callable[[Load], float], kind: str, ours: str, other: str) -> float | None:
        mine, theirs = results.load(kind, ours), results.load(kind, other)
        return figure(mine) / figure(theirs) if mine and theirs else None

    found = [
        (text, limit, ratio(lambda load: load.cpu, kind, ours, other), "×")
        for text, limit, kind, ours, other in _RATIOS
    ]
    found.append(("p99, 1 KB GET: of Envoy's", 1.0, ratio(lambda load: load.p99, "get-1k", "gateway", "envoy"), "×"))
    rest, idle = results.rest.get("gateway"), results.idle.get("gateway")
    found.append(("memory at rest", 60, rest and rest / 1e6, "MB"))
    count = results.idle_connections
    found.append((f"memory of an idle connection, of {count:,}", 12, idle and idle / 1024, "KB"))
    judged = [Goal(text, limit, reached, unit) for text, limit, reached, unit in found if reached is not None]
    if capacity := ratio(lambda load: 1 / load.cpu, "workers", "gateway-2-workers", "gateway"):
        judged.append(Goal("two workers: capacity, of one's", 1.8, 2 * capacity, "×", least=True))
    return judged
