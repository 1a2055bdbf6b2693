"""Which server a request goes to, and which it tries next: over pools that only pretend."""

import asyncio
from typing import Any, cast

import pytest

from gateway.core.errors import GatewayError
from gateway.core.reasons import Reason
from gateway.proxy.ejection import EjectionRules
from gateway.proxy.upstreams import Server, Upstream
from gateway.telemetry.metrics import Metrics


class Pool:
    """`fault`: what a connect raises. `kept`: whether an idle connection is there."""

    def __init__(self) -> None:
        self.fault: Reason | None = None
        self.kept = False
        self.asked = 0
        self.busy = 0

    def take(self) -> Any:
        return "kept" if self.kept else None

    async def connect(self) -> Any:
        self.asked += 1
        if self.fault is not None:
            raise GatewayError(503 if self.fault is Reason.OVERLOADED else 502, self.fault)
        return "new"

    def sweep(self, now: float) -> None:
        pass


class Fleet:
    def __init__(self, count: int, **rules: Any) -> None:
        self.now = 0.0
        self.pools = [Pool() for _ in range(count)]
        rules = {"after": 2, "base": 10.0} | rules
        servers = [
            Server(f"s{index}", cast(Any, pool), rules=EjectionRules(**rules), rand=lambda: 1.0)
            for index, pool in enumerate(self.pools)
        ]
        self.upstream = Upstream(
            "u", servers, response_timeout=1, idle_timeout=1, metrics=Metrics(), clock=lambda: self.now
        )

    def down(self, *indices: int, fault: Reason = Reason.UPSTREAM_UNREACHABLE) -> None:
        for index in indices:
            self.pools[index].fault = fault

    def connect(self, index: int, **how: Any) -> tuple[str, str]:
        """From whom a request that was meant for that server got its connection, and which."""
        server, connection = asyncio.run(self.upstream.connect(self.upstream.servers[index], **how))
        return server.name, cast(str, connection)

    @property
    def asked(self) -> list[int]:
        return [pool.asked for pool in self.pools]


def test_another_server_may_have_a_connection_ready() -> None:
    """Nothing was sent yet: a kept one is as good as on the first try."""
    fleet = Fleet(2)
    fleet.down(0)
    fleet.pools[0].kept = fleet.pools[1].kept = True
    assert fleet.connect(0) == ("s1", "kept")


def test_after_a_broken_connection_only_a_new_one_will_do() -> None:
    """Elsewhere if there is somewhere else, and on the same server if that cannot be reached."""
    fleet = Fleet(2)
    fleet.pools[0].kept = fleet.pools[1].kept = True
    assert fleet.connect(0, again=True) == ("s1", "new")
    fleet.down(1)
    assert fleet.connect(0, again=True) == ("s0", "new")
    assert Fleet(1).connect(0, again=True) == ("s0", "new")


@pytest.mark.parametrize(("count", "again", "tries"), [(1, False, 1), (2, False, 2), (5, False, 3), (5, True, 2)])
def test_how_many_servers_are_tried(count: int, again: bool, tries: int) -> None:
    """At most three, the one with the broken connection included; then the last one's trouble is told."""
    fleet = Fleet(count, after=0)
    fleet.down(*range(count))
    with pytest.raises(GatewayError, match=r"^s[0-9]: ") as failure:
        fleet.connect(0, again=again)
    assert failure.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert (sum(fleet.asked), max(fleet.asked)) == (tries, 1)


def test_a_full_server_is_no_failure() -> None:
    """Others are tried, and nobody is put out for it."""
    fleet = Fleet(2, after=1)
    fleet.down(0, fault=Reason.OVERLOADED)
    assert fleet.connect(0) == ("s1", "new")
    assert all(server.available for server in fleet.upstream.servers)


def test_one_that_is_out_is_tried_by_one_request_when_its_time_is_over() -> None:
    """And what was chosen but not used is the next one's."""
    fleet = Fleet(2)
    upstream, (lost, other) = fleet.upstream, fleet.upstream.servers
    fleet.down(0)
    for _ in range(2):
        fleet.connect(0)
    assert {upstream.choose() for _ in range(4)} == {other}
    fleet.now = 10.0
    upstream.sweep(fleet.now)
    assert upstream.choose() is lost
    upstream.put_back(lost)
    assert [upstream.choose() for _ in range(4)] == [lost, other, other, other]
    upstream.answered(lost)
    assert {upstream.choose() for _ in range(4)} == {lost, other}


def test_the_last_one_is_never_out() -> None:
    """Where none is available all are: by failures, by checks, by both."""
    fleet = Fleet(2)
    upstream, (one, two) = fleet.upstream, fleet.upstream.servers
    for _ in range(2):
        upstream.failed(one, "why")
    for _ in range(3):
        upstream.checked(two, "why")
    assert {upstream.choose() for _ in range(4)} == {one, two}
    for _ in range(2):
        upstream.checked(two, None)
    assert {upstream.choose() for _ in range(4)} == {two}
    sole = Fleet(1).upstream
    for _ in range(9):
        sole.failed(sole.servers[0], "why")
    assert sole.servers[0].available
