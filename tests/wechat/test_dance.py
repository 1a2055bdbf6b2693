"""The dance: only the browser that started an attempt may finish it."""

import json
import re

import pytest

from gateway.core.cookies import CookieNames
from gateway.sealing import KeyedHash, Sealer
from gateway.wechat.dance import (
    ATTEMPT_TTL,
    CLOCK_SKEW,
    MAX_ATTEMPTS,
    MAX_CLEARED,
    MAX_COOKIE_BYTES,
    SETTLED_TTL,
    Dance,
    Started,
)

NOW = 1_800_000_000
OLD, NEW = bytes(range(32)), bytes(range(32, 64))
COOKIES = CookieNames.for_scheme(secure=True)

Jar = list[tuple[str, str]]


def make_dance(*masters: bytes, cookies: CookieNames = COOKIES) -> Dance:
    keys = masters or (NEW,)
    return Dance(Sealer(keys, "attempt"), KeyedHash(keys, "state"), cookies)


def keep(jar: Jar, set_cookies: tuple[str, ...]) -> Jar:
    """What a browser's jar holds after these Set-Cookie fields."""
    held = dict(jar)
    for field in set_cookies:
        pair, _, attributes = field.partition(";")
        name, _, value = pair.partition("=")
        held.pop(name, None)
        if "Max-Age=0" not in attributes:
            held[name] = value
    return list(held.items())


def jar_of(started: Started) -> Jar:
    return keep([], started.set_cookies)


def test_a_state_is_hex_that_wechat_accepts() -> None:
    """WeChat takes a state of letters and digits, at most 128."""
    started = make_dance().start("main", "/a", [], NOW)
    assert re.fullmatch(r"[0-9a-f]{66}", started.state)


def test_the_browser_that_started_it_finds_its_attempt() -> None:
    """The app, the return target and the restarts come back as they went."""
    dance = make_dance()
    started = dance.start("main", "/orders?q=1#top", [], NOW, restarts=2)
    attempt = dance.find(started.state, jar_of(started), NOW + 30)
    assert attempt is not None
    found = (attempt.state, attempt.app, attempt.return_to, attempt.restarts, attempt.started)
    assert found == (started.state, "main", "/orders?q=1#top", 2, NOW)


def test_the_cookie_is_our_own_and_short_lived() -> None:
    """One cookie an attempt, named by the nonce, gone after ten minutes."""
    started = make_dance().start("main", "/", [], NOW)
    (field,) = started.set_cookies
    assert field.startswith(f"__Host-gateway_login_{started.state[:16]}=")
    assert field.endswith(f"; Max-Age={ATTEMPT_TTL}; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_another_browser_finds_nothing() -> None:
    """A state that is right proves nothing without its cookie: login CSRF (RFC 9700 section 4.7)."""
    dance = make_dance()
    mine, theirs = dance.start("main", "/a", [], NOW), dance.start("main", "/b", [], NOW)
    assert dance.find(mine.state, [], NOW) is None
    assert dance.find(mine.state, jar_of(theirs), NOW) is None


def test_a_cookie_of_another_attempt_under_this_name_is_refused() -> None:
    """A planted cookie that we sealed ourselves, but for another state, opens no attempt."""
    dance = make_dance()
    mine, theirs = dance.start("main", "/a", [], NOW), dance.start("main", "/b", [], NOW)
    renamed = [(COOKIES.login_prefix + mine.state[:16], jar_of(theirs)[0][1])]
    assert dance.find(mine.state, renamed, NOW) is None


@pytest.mark.parametrize("front", [True, False])
def test_planted_duplicates_do_not_hide_the_attempt(front: bool) -> None:
    """Every cookie of the name is tried, in either order (cookie tossing)."""
    dance = make_dance()
    started = dance.start("main", "/a", [], NOW)
    good = jar_of(started)
    evil = [(good[0][0], "evil"), (good[0][0], jar_of(dance.start("main", "/evil", [], NOW))[0][1])]
    attempt = dance.find(started.state, evil + good if front else good + evil, NOW)
    assert attempt is not None
    assert attempt.return_to == "/a"


@pytest.mark.parametrize(
    ("age", "found"),
    [(-CLOCK_SKEW - 1, False), (-CLOCK_SKEW, True), (0, True), (ATTEMPT_TTL, True), (ATTEMPT_TTL + 1, False)],
)
def test_an_attempt_lives_ten_minutes(age: int, found: bool) -> None:
    """The age is checked here too, whatever the browser does with Max-Age."""
    dance = make_dance()
    started = dance.start("main", "/", [], NOW)
    assert (dance.find(started.state, jar_of(started), NOW + age) is not None) is found


def test_every_flipped_character_of_a_state_is_refused() -> None:
    """Nonce, count and MAC are all covered by the MAC."""
    dance = make_dance()
    started = dance.start("main", "/", [], NOW, restarts=1)
    for place, character in enumerate(started.state):
        flipped = started.state[:place] + f"{int(character, 16) ^ 1:x}" + started.state[place + 1 :]
        assert dance.restarts(flipped) is None
        assert dance.find(flipped, jar_of(started), NOW) is None


@pytest.mark.parametrize("state", ["", "0" * 66, "g" * 66, "0" * 65, "00 " * 22, "é" * 66, "0" * 10_000, "０" * 66])
def test_a_state_that_is_not_ours_has_no_restarts(state: str) -> None:
    """Malformed and made-up states are told apart from ours without an exception."""
    assert make_dance().restarts(state) is None


def test_a_state_has_one_spelling() -> None:
    """Upper-case hex is not the state that was sent out."""
    dance = make_dance()
    assert dance.restarts(dance.start("main", "/", [], NOW).state.upper()) is None


def test_restarts_survive_the_loss_of_all_cookies() -> None:
    """The count is in the state itself."""
    dance = make_dance()
    assert dance.restarts(dance.start("main", "/", [], NOW, restarts=2).state) == 2


def test_attempts_survive_a_key_rotation() -> None:
    """What an older key sealed and signed is still ours; after its removal it is not."""
    started = make_dance(OLD).start("main", "/a", [], NOW)
    assert make_dance(NEW, OLD).find(started.state, jar_of(started), NOW) is not None
    assert make_dance(NEW, OLD).restarts(started.state) == 0
    assert make_dance(NEW).find(started.state, jar_of(started), NOW) is None
    assert make_dance(NEW).restarts(started.state) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'"x"', b'{"state":1,"app":"a"}', b"\xff"])
def test_a_cookie_of_another_version_is_no_attempt(content: bytes) -> None:
    """Sealed by us and yet not understood: no attempt, and no exception."""
    sealer = Sealer((NEW,), "attempt")
    dance = make_dance()
    state = dance.start("main", "/", [], NOW).state
    jar = [(COOKIES.login_prefix + state[:16], sealer.seal(content, now=NOW))]
    assert dance.find(state, jar, NOW) is None
    assert dance.start("main", "/", jar, NOW).set_cookies[1:] == (COOKIES.clear_cookie(jar[0][0]),)


def test_parallel_tabs_each_keep_their_attempt() -> None:
    """Five tabs that started at once all find their own target, in any order."""
    dance = make_dance()
    jar: Jar = []
    states = {}
    for tab in range(5):
        started = dance.start("main", f"/tab/{tab}", jar, NOW)
        jar = keep(jar, started.set_cookies)
        states[tab] = started.state
    for tab in (3, 0, 4, 1, 2):
        attempt = dance.find(states[tab], jar, NOW + 5)
        assert attempt is not None
        assert attempt.return_to == f"/tab/{tab}"


@pytest.mark.parametrize("return_to", ["/", "/" + "x" * 1000])
def test_a_thousand_unfinished_attempts_stay_within_4_kb(return_to: str) -> None:
    """The oldest attempts are dropped, the newest one is always kept, the session is never touched."""
    dance = make_dance()
    session = (COOKIES.session, "s" * 1500)
    jar: Jar = [session]
    for second in range(1000):
        started = dance.start("main", return_to, jar, NOW + second)
        jar = keep(jar, started.set_cookies)
        assert sum(len(name) + len(value) + 3 for name, value in jar) <= MAX_COOKIE_BYTES
        assert len(jar) - 1 <= MAX_ATTEMPTS
        assert dance.find(started.state, jar, NOW + second) is not None
    assert session in jar
    ages = [json.loads(Sealer((NEW,), "attempt").open(value) or b"")["started"] for _, value in jar[1:]]
    assert sorted(ages) == list(range(NOW + 1000 - len(ages), NOW + 1000))


def test_unreadable_attempts_go_before_the_oldest() -> None:
    """Junk makes room first; a live attempt is not lost to it."""
    dance = make_dance()
    first = dance.start("main", "/" + "x" * 900, [], NOW)
    junk = (COOKIES.login_prefix + "0" * 16, "j" * 1500)
    started = dance.start("main", "/" + "x" * 900, [junk, *jar_of(first)], NOW + 1)
    jar = keep([junk, *jar_of(first)], started.set_cookies)
    assert junk not in jar
    assert dance.find(first.state, jar, NOW + 1) is not None


def test_a_jar_of_junk_is_cleared_in_bounded_steps() -> None:
    """One answer clears a bounded number of cookies, however many the browser sends."""
    dance = make_dance()
    jar = [(f"{COOKIES.login_prefix}{number:016x}", "junk") for number in range(100)]
    assert len(dance.start("main", "/", jar, NOW).set_cookies) == 1 + MAX_CLEARED


def test_a_planted_duplicate_does_not_clear_the_good_attempt() -> None:
    """Names are what can be cleared: a good attempt is kept although junk shares its name."""
    dance = make_dance()
    first = dance.start("main", "/a", [], NOW)
    name, value = jar_of(first)[0]
    assert len(dance.start("main", "/b", [(name, "junk"), (name, value)], NOW).set_cookies) == 1


def test_foreign_cookies_are_left_alone() -> None:
    """Only names of exactly our form are counted and cleared."""
    jar = [("JSESSIONID", "x" * 5000), (COOKIES.login_prefix + "nonsense", "x" * 5000)]
    assert len(make_dance().start("main", "/", jar, NOW).set_cookies) == 1


def test_a_long_return_target_keeps_its_path() -> None:
    """Over 1 KB the query is dropped, and with it nothing else."""
    dance = make_dance()
    started = dance.start("main", "/search?q=" + "x" * 2000, [], NOW)
    attempt = dance.find(started.state, jar_of(started), NOW)
    assert attempt is not None
    assert attempt.return_to == "/search"


def test_a_settled_attempt_lives_a_minute_more() -> None:
    """Late copies of the callback still carry the same sealed attempt; planted duplicates are not kept."""
    dance = make_dance()
    started = dance.start("main", "/", [], NOW)
    name, value = jar_of(started)[0]
    kept = dance.settled(started.state, [(name, "evil"), (name, value)])
    assert kept == COOKIES.set_cookie(name, value, SETTLED_TTL)
    assert dance.settled(started.state, [(name, "evil")]) is None


def test_an_attempt_shows_nothing() -> None:
    """States and targets stay out of logs and tracebacks."""
    dance = make_dance()
    started = dance.start("main", "/secret-target", [], NOW)
    attempt = dance.find(started.state, jar_of(started), NOW)
    for shown in (repr(started), repr(attempt)):
        assert started.state not in shown
        assert "secret-target" not in shown


def test_plain_http_uses_unprefixed_names() -> None:
    """A development site on http cannot set __Host- cookies."""
    dance = make_dance(cookies=CookieNames.for_scheme(secure=False))
    started = dance.start("main", "/", [], NOW)
    assert started.set_cookies[0].startswith("gateway_login_")
    assert dance.find(started.state, jar_of(started), NOW) is not None
