"""A supervisor over workers that do what argv says, one word a place; what happens is told on standard output.

serve: until SIGTERM. fail, die: at the start, with a word or without. hang: without a sign of life. slow: ready late.
once: the first dies at once, its successors serve. stubborn: never ends.
"""

import os
import signal
import sys
import time

from gateway.app import supervisor
from gateway.app.forked import Post
from gateway.app.supervisor import Hooks, Supervisor
from gateway.telemetry.board import Board

WORDS = sys.argv[1:]
BOARD = Board(len(WORDS))
BORN = Board(len(WORDS))


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # one piece, whoever else writes


def work(post: Post) -> int:
    word = WORDS[post.place]
    say("born", post.place, os.getpid())
    BORN.write(post.place, b"")
    if word == "fail":
        post.failed("no luck")
        return 3
    if word == "die" or (word == "once" and BORN.number(post.place) == 1):
        return 4
    signal.signal(signal.SIGHUP, lambda *_: say("reloads", post.place))
    signal.signal(supervisor.HURRY, lambda *_: say("hurries", post.place))
    if word == "slow":
        os.read(0, 1)  # until the test says so
    ended: list[bool] = []
    signal.signal(signal.SIGTERM, signal.SIG_IGN if word == "stubborn" else lambda *_: ended.append(True))
    post.ready()
    os.set_blocking(post.lifeline, False)
    while not ended:
        if word != "hang":
            BOARD.write(post.place, b"alive")
        try:
            if os.read(post.lifeline, 1) == b"":
                say("orphan", post.place)
                break
        except BlockingIOError:
            time.sleep(0.01)
    say("drains", post.place)
    return 0


def reload() -> bool:
    say("asked to reload")
    return True


supervisor.TICK, supervisor.GRACE = 0.2, 0.3
family = Supervisor(
    len(WORDS),
    Hooks(
        work=work,
        started=lambda: say("started"),
        reload=reload,
        stopping=lambda: say("stopping"),
        forking=lambda: None,
        beat=BOARD.number,
        patience=lambda: 0.2,
    ),
)
status = family.run()
say("failure", family.failure)
try:
    os.waitpid(-1, 0)
    say("left a child")
except ChildProcessError:
    say("no child is left")
sys.exit(status)
