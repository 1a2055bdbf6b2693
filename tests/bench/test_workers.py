"""What is read from /proc of a gateway's processes."""

import os
import socket

import pytest

from bench.workers import accepted, look, size

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 101 1 0 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:C351 01 00000000:00000000 00:00000000 00000000     0        0 102 1 0 20 4 30 10 -1
   3: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 103 1 0 20 4 30 10 -1
   4: 0100007F:1F90 0100007F:C352 06 00000000:00000000 00:00000000 00000000     0        0 104 1 0 20 4 30 10 -1
"""


def test_connections_are_those_accepted_established_and_owned() -> None:
    """Neither the listener, nor a client's end, nor one that is closing, nor another worker's; none twice."""
    assert accepted(TABLE, 8080, {"100", "101", "103", "104"}) == 1
    assert accepted(TABLE, 8080, {"101", "102"}) == 2
    assert accepted(TABLE + TABLE, 8080, {"101", "102"}) == 2
    assert accepted(TABLE, 8081, {"101", "102"}) == 0


def test_a_size_is_read_in_bytes() -> None:
    """Whole names only: Pss is not Pss_Anon."""
    rollup = "5581-7ffe ---p 00000000 00:00 0    [rollup]\nRss:    97000 kB\nPss_Anon:   1 kB\nPss:    80000 kB\n"
    assert size(rollup, "Rss") == 97000 * 1024
    assert size(rollup, "Pss") == 80000 * 1024
    with pytest.raises(ValueError, match="no Swap"):
        size(rollup, "Swap")


def test_a_process_is_seen_as_it_is() -> None:
    """This one, with two connections that it has accepted and one that waits to be."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        served = [listener.accept()[0] for _ in clients[1:]]
        seen = look(os.getpid(), port)
        for each in (*clients, *served):
            each.close()
    assert seen.connections == 2
    assert 0 < seen.proportional <= seen.resident
