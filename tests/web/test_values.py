"""The pure parts: whose POST it is, devices, masks, outcomes."""

import dataclasses
import re

import pytest

from gateway.core.identity import Session, Subject
from gateway.sealing import Sealer
from gateway.web.devices import device_family
from gateway.web.guard import Origin, origin_of_post
from gateway.web.outcomes import Failed, OutcomeSealer, SignedIn, SnapshotSeen
from gateway.web.pages import masked
from gateway.web.texts import CATALOGS
from gateway.web.visits import Visit
from gateway.wechat.interface import Failure

OWN = "https://app.example.com"


@pytest.mark.parametrize(
    ("origins", "site", "expected"),
    [
        ([OWN], None, Origin.OWN),
        (["HTTPS://APP.EXAMPLE.COM"], None, Origin.OWN),
        ([OWN], "same-origin", Origin.OWN),
        ([], "same-origin", Origin.OWN),
        (["null"], "same-origin", Origin.OWN),
        ([], None, Origin.UNPROVEN),
        ([], "none", Origin.UNPROVEN),
        ([], "same-site", Origin.UNPROVEN),
        (["null"], None, Origin.UNPROVEN),
        (["null"], "same-site", Origin.UNPROVEN),
        ([""], None, Origin.FOREIGN),
        (["https://evil.test"], "same-origin", Origin.FOREIGN),
        ([OWN + ".evil.test"], None, Origin.FOREIGN),
        ([OWN + ":444"], None, Origin.FOREIGN),
        (["http://app.example.com"], None, Origin.FOREIGN),
        ([OWN], "cross-site", Origin.FOREIGN),
        (["null"], "cross-site", Origin.FOREIGN),
        ([], "Cross-Site", Origin.FOREIGN),
        ([OWN, OWN], None, Origin.FOREIGN),
        ([OWN, "https://evil.test"], None, Origin.FOREIGN),
    ],
)
def test_origin_of_post(origins, site, expected):
    """The rule, case by case."""
    assert origin_of_post(origins, site, OWN) is expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", ""),
        ("unix:", ""),
    ],
)
def test_networks(address, network):
    """One address is one client, an IPv6 client owns a /64, and IPv4 in IPv6 clothes is IPv4."""
    assert Visit("h", address, "", "en", False, "", ()).network == network


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ("Mozilla/5.0 (Linux; Android 13; wv) Mobile Safari/537.36 MicroMessenger/8.0.34", "Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 16_5_1 like Mac OS X) MicroMessenger/8.0.50", "iPhone"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 16) MicroMessenger/8 miniProgram/wx7696", "iPhone (Mini Program)"),
        ("Chrome/132 MicroMessenger/7.0.20 WindowsWechat(0x63090a13) UnifiedPCWindowsWechat(0xf2541022)", "Windows"),
        ("(Macintosh; Intel Mac OS X) MicroMessenger/6.8.0 MacWechat/3.3 NetType/WIFI WindowsWechat", "Mac"),
        ("(X11; Linux x86_64) MicroMessenger UnifiedPCLinuxWechat", "Linux"),
        ("(iPhone) wxwork/4.1.30 MicroMessenger/7.0.1", "iPhone (WeCom)"),
        ("wxworklocal/2.6 (MicroMessenger/6.2) WindowsWechat", "Windows (WeCom)"),
        ("(Phone; OpenHarmony 5.0) ArkWeb MicroMessenger/8", "HarmonyOS"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Windows"),
        ("", "Other"),
        ("x" * 100_000 + "iPhone", "Other"),
    ],
)
def test_device_family(user_agent, expected):
    """The order of tests matters: old WeChat for Mac calls itself Windows."""
    assert device_family(user_agent) == expected


@pytest.mark.parametrize(
    ("user_id", "expected"), [("1", "•••"), ("42", "•••"), ("123", "1•••3"), ("employee-1", "em•••-1")]
)
def test_masked(user_id, expected):
    """Recognisable to its owner, not readable to others."""
    assert masked(user_id) == expected


OUTCOMES = [
    SignedIn(Session("sid", Subject("main", "oX"), 1, 2, 3), "/a", None),
    SignedIn(Session("sid", Subject("main", "oX"), 1, 2, 3), "/a#", "ticket"),
    SnapshotSeen(),
    *map(Failed, Failure),
]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_outcomes_survive_sealing(outcome):
    """What copies of a callback share is what the first one found."""
    sealer = OutcomeSealer(Sealer([b"k" * 32], "result"))
    assert sealer.open("key", sealer.seal("key", outcome, 0)) == outcome


def test_an_outcome_is_of_its_attempt():
    """Swapped, foreign or damaged results are none."""
    sealer = OutcomeSealer(Sealer([b"k" * 32], "result"))
    token = sealer.seal("key", SnapshotSeen(), 0)
    assert sealer.open("other", token) is None
    assert sealer.open("key", token[:-4]) is None
    assert OutcomeSealer(Sealer([b"k" * 32], "session")).open("key", token) is None
    for junk in (b"{}", b"[]", b'["key"]', b'["key","signed_in",1]', b'["key","failed","x"]', b"\xff"):
        assert sealer.open("key", Sealer([b"k" * 32], "result").seal(junk, now=0)) is None


def test_outcomes_do_not_show_themselves():
    """No OpenId, sid, target or ticket in a traceback."""
    shown = repr(dataclasses.replace(OUTCOMES[1], ticket="CANARY", return_to="/CANARY"))
    assert "CANARY" not in shown
    assert "oX" not in shown
    assert "sid'" not in shown


@pytest.mark.parametrize("language", sorted(CATALOGS))
def test_words_promise_no_time_that_a_key_may_change(language: str) -> None:
    """How long a code is good is `bind.sms.code_ttl`'s, so the words name no number of minutes."""
    assert not re.search(r"[0-9]", CATALOGS[language]["bind.sent"])
