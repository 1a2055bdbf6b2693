"""Passwords against a real slapd: a yes, a no, or an outage."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core.ldap_filter import parse_filter
from gateway.verifiers.interface import User, VerifierOutage
from gateway.verifiers.ldap import MAX_CONNECTIONS, Directory, LdapPasswordVerifier
from gateway.verifiers.ldap_connection import LdapConnection, LdapServer
from tests.conftest import Authority
from tests.servers.slapd import BASE, OPEN, SERVICE, SERVICE_PASSWORD, Slapd, person

PASSWORD = "canary-Password-ü-密码"
LDIF = (
    person("zhang", PASSWORD, "42", "mail: z@corp.example", "mail: zhang@corp.example", "givenName: 伟")
    + person("李雷", PASSWORD, "43")
    + person('comma\\, \\"quote\\"', PASSWORD, "44")
    + person("star*(x)", PASSWORD, "45")
    + person("locked", PASSWORD, "46", "pwdAccountLockedTime: 000001010000Z")
    + person("nopassword", None, "47")
    + person("nonumber", PASSWORD, None)
    + person("binary", PASSWORD, "48", "userSMIMECertificate:: /////w==")
    + f"\ndn: ou=others,{BASE}\nobjectClass: organizationalUnit\nou: others\n"
    + person("twice", PASSWORD, "50")
    + person("twice", PASSWORD, "51", ou="others")
)
SEARCHES = Directory(
    base=BASE,
    filter=parse_filter("(&(objectClass=inetOrgPerson)(uid={username}))"),
    bind_dn=SERVICE,
    bind_password=SERVICE_PASSWORD,
    user_id="employeeNumber",
    claims={"name": "cn", "mails": "mail", "given": ["givenName"], "titles": ["title"], "none": "title"},
)
AS_PERSON = replace(SEARCHES, bind_dn="", bind_password="", bind_as=f"uid={{username}},ou=people,{BASE}")
ANONYMOUS = replace(SEARCHES, bind_dn="", bind_password="")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, tuple[Path, Path]]:
    authority = Authority(tmp_path_factory.mktemp("ca"), "directory")
    return authority, authority.issue("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, pair: Any) -> Iterator[Slapd]:
    server = Slapd(tmp_path_factory.mktemp("slapd"), LDIF, pair[1])
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory, pair: Any) -> Iterator[Slapd]:
    """A directory that anybody may search."""
    server = Slapd(tmp_path_factory.mktemp("public"), LDIF, pair[1], access=OPEN)
    server.start()
    yield server
    server.stop()


def plain(server: Slapd, port: int = 0) -> LdapServer:
    return LdapServer("ldap://127.0.0.1", "127.0.0.1", port or server.plain)


class Calls(list[tuple[str, str]]):
    def __call__(self, kind: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.append((kind, outcome))


async def ask(
    server: LdapServer, username: str, password: str = PASSWORD, directory: Directory = SEARCHES, patience: float = 10
) -> User | None:
    calls = Calls()
    verifier = LdapPasswordVerifier([server], directory, patience, on_call=calls)
    try:
        user = await verifier.verify(username, password)
        assert calls == [("password", "no" if user is None else "ok")]
        return user
    except VerifierOutage:
        assert calls == [("password", "outage")]
        raise
    finally:
        await verifier.close()


@pytest.mark.parametrize("directory", [SEARCHES, AS_PERSON])
async def test_a_right_password_is_the_user(slapd: Slapd, directory: Directory) -> None:
    """With claims: one value is a text, several are a list, brackets are always a list, nothing is nothing."""
    assert await ask(plain(slapd), "zhang", directory=directory) == User(
        "42",
        {"name": "zhang", "mails": ["z@corp.example", "zhang@corp.example"], "given": ["伟"], "titles": []},
    )


async def test_a_directory_that_anybody_may_search(public: Slapd) -> None:
    """Without an account of ours."""
    user = await ask(plain(public), "zhang", directory=ANONYMOUS)
    assert user is not None
    assert user.user_id == "42"
    assert await ask(plain(public), "zhang", "wrong", ANONYMOUS) is None


@pytest.mark.parametrize("directory", [SEARCHES, AS_PERSON])
@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("zhang", "wrong"),
        ("zhang", PASSWORD + " "),
        ("zhang", PASSWORD.upper()),
        ("nobody", PASSWORD),
        ("locked", PASSWORD),
        ("nopassword", PASSWORD),
        ("zhang", ""),
        ("zhang", "\0" + PASSWORD),
        ("zhang", PASSWORD + "\0"),
        ("zhang", "\ud800"),
        ("", PASSWORD),
        ("zhang\0", PASSWORD),
        ("\udfff", PASSWORD),
    ],
)
async def test_whatever_else_is_a_no(slapd: Slapd, directory: Directory, username: str, password: str) -> None:
    """Wrong, unknown, locked, without a password; nothing that a server might take for an anonymous bind."""
    assert await ask(plain(slapd), username, password, directory) is None


@pytest.mark.parametrize(
    "username",
    ["*", "zh*", "zhang)(uid=*", "*)(|(uid=*", "zhang)", "\\2a", "z\\68ang", "zhang)(!(cn=x", "{username}"],
)
@pytest.mark.parametrize("directory", [SEARCHES, AS_PERSON])
async def test_a_name_is_never_syntax(slapd: Slapd, directory: Directory, username: str) -> None:
    """Neither of filters nor of DNs: each of these names nobody, with the right password of everybody."""
    assert await ask(plain(slapd), username, PASSWORD, directory) is None


@pytest.mark.parametrize("username", ["zhang,ou=people", "zhang+cn=zhang", " zhang", "#zhang", "zhang\\"])
async def test_a_name_stays_within_its_part_of_a_dn(slapd: Slapd, username: str) -> None:
    """RFC 4514 escaping: it cannot add a part. (A leading space is none to uid's matching rule, RFC 4518 2.6.1.)"""
    user = await ask(plain(slapd), username, PASSWORD, AS_PERSON)
    assert (user.user_id if user else None) == ("42" if username == " zhang" else None)


@pytest.mark.parametrize("directory", [SEARCHES, AS_PERSON])
@pytest.mark.parametrize(
    ("username", "number"), [("李雷", "43"), ('comma, "quote"', "44"), ("star*(x)", "45"), ("ZHANG", "42")]
)
async def test_odd_names_are_found(slapd: Slapd, directory: Directory, username: str, number: str) -> None:
    """What is syntax elsewhere is a letter here."""
    user = await ask(plain(slapd), username, PASSWORD, directory)
    assert user is not None
    assert user.user_id == number


async def test_spellings_of_one_name_count_as_one(slapd: Slapd) -> None:
    """Budgets count by what the directory takes for one name."""
    verifier = LdapPasswordVerifier([plain(slapd)], SEARCHES)
    assert verifier.canonical("ZHANG") == verifier.canonical("  zhang ") == verifier.canonical("ｚhang")


async def test_a_name_that_two_entries_have_is_a_no(slapd: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody knows which one is meant; the operator is told."""
    assert await ask(plain(slapd), "twice") is None
    assert "two entries" in caplog.text


async def test_the_entry_found_is_the_one_that_is_proven(slapd: Slapd) -> None:
    """A person who may bind, and whose name finds somebody else in the search, is not that somebody."""
    other = replace(AS_PERSON, filter=parse_filter("(|(employeeNumber={username})(cn=star\\2a*))"))
    own = replace(other, bind_as=f"uid=zhang,ou=people,{BASE}", filter=parse_filter("(|(uid=locked)(cn={username}))"))
    assert await ask(plain(slapd), "x", PASSWORD, own) is None


async def test_a_dn_as_user_id(slapd: Slapd) -> None:
    """`dn` is the entry's own name."""
    user = await ask(plain(slapd), "zhang", directory=replace(SEARCHES, user_id="dn", claims={}))
    assert user == User(f"uid=zhang,ou=people,{BASE}", {})


async def test_one_level_is_not_below(slapd: Slapd) -> None:
    """`scope` one finds direct children only."""
    one = replace(SEARCHES, scope="one")
    assert await ask(plain(slapd), "zhang", directory=one) is None
    assert await ask(plain(slapd), "zhang", directory=replace(one, base=f"ou=people,{BASE}")) is not None


@pytest.mark.parametrize(
    ("directory", "username", "word"),
    [
        (replace(SEARCHES, bind_password="wrong-canary"), "zhang", "own account is refused with result 49"),
        (replace(SEARCHES, base="dc=nowhere"), "zhang", "noSuchObject"),
        (SEARCHES, "nonumber", "employeeNumber has 0 values"),
        (replace(SEARCHES, user_id="mail"), "zhang", "mail has 2 values"),
        (replace(SEARCHES, claims={"c": "userSMIMECertificate"}), "binary", "userSMIMECertificate is not text"),
    ],
)
async def test_what_is_misconfigured_is_an_outage(
    slapd: Slapd, caplog: pytest.LogCaptureFixture, directory: Directory, username: str, word: str
) -> None:
    """Never a no: nobody's try is spent. The log says what it is, without names and passwords."""
    with pytest.raises(VerifierOutage):
        await ask(plain(slapd), username, directory=directory)
    assert word in caplog.text
    for secret in (PASSWORD, "wrong-canary", "uid=", "cn=gateway", SERVICE_PASSWORD):
        assert secret not in caplog.text


async def test_nothing_about_a_person_is_logged(slapd: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    """Neither names nor passwords, right or wrong."""
    caplog.set_level(logging.DEBUG)
    for username, password in (("zhang", PASSWORD), ("zhang", "wrong-canary"), ("twice", PASSWORD), ("ghost", "x-y-z")):
        await ask(plain(slapd), username, password)
    assert "result 49 invalidCredentials" in caplog.text
    for secret in ("zhang", "twice", "ghost", PASSWORD, "wrong-canary", "x-y-z", "corp"):
        assert secret not in caplog.text


# --- TLS --------------------------------------------------------------------------------------------------


def context(authority: Authority) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=authority.ca)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def over(kind: str, slapd: Slapd, tls: ssl.SSLContext, **more: Any) -> LdapServer:
    port = slapd.secure if kind == "ldaps" else slapd.plain
    return LdapServer(kind, "127.0.0.1", port, tls=tls, start_tls=kind == "start_tls", **more)


@pytest.mark.parametrize("kind", ["ldaps", "start_tls"])
async def test_tls(slapd: Slapd, pair: Any, kind: str) -> None:
    """From the first byte or by StartTLS, with an authority of one's own."""
    server = over(kind, slapd, context(pair[0]))
    assert await ask(server, "zhang") is not None
    assert await ask(server, "zhang", "wrong") is None
    assert await ask(over(kind, slapd, context(pair[0]), server_name="localhost"), "zhang") is not None


@pytest.mark.parametrize("kind", ["ldaps", "start_tls"])
async def test_a_stranger_gets_no_password(
    slapd: Slapd, pair: Any, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another authority, or another name in the certificate: an outage."""
    for tls, more in (
        (context(Authority(tmp_path, "other")), {}),
        (ssl.create_default_context(), {}),
        (context(pair[0]), {"server_name": "ldap.corp.example"}),
    ):
        caplog.clear()
        with pytest.raises(VerifierOutage):
            await ask(over(kind, slapd, tls, **more), "zhang")
        assert "the certificate is refused" in caplog.text


async def test_the_unix_socket(slapd: Slapd) -> None:
    """ldapi:// needs no TLS."""
    assert await ask(LdapServer("ldapi", path=str(slapd.local)), "zhang") is not None


async def test_a_server_that_demands_tls_is_an_outage(tmp_path: Path, pair: Any) -> None:
    """confidentialityRequired is no wrong password."""
    server = Slapd(tmp_path / "strict", LDIF, pair[1], more="security simple_bind=128")
    server.start()
    try:
        with pytest.raises(VerifierOutage):
            await ask(plain(server), "zhang", directory=AS_PERSON)
        assert await ask(over("start_tls", server, context(pair[0])), "zhang", directory=AS_PERSON) is not None
    finally:
        server.stop()


# --- outages ------------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path, pair: Any) -> Iterator[Slapd]:
    """A server to be stopped and frozen."""
    server = Slapd(tmp_path / "own", LDIF, pair[1])
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("kind", ["plain", "ldaps", "start_tls"])
@pytest.mark.parametrize("directory", [SEARCHES, AS_PERSON])
async def test_a_server_that_stands_still_is_an_outage_in_time(
    own: Slapd, pair: Any, kind: str, directory: Directory
) -> None:
    """Also within a TLS handshake. Afterwards it is asked again as if nothing had been."""
    server = plain(own) if kind == "plain" else over(kind, own, context(pair[0]))
    own.freeze()
    began = time.monotonic()
    with pytest.raises(VerifierOutage):
        await ask(server, "zhang", directory=directory, patience=0.4)
    assert time.monotonic() - began < 3
    own.thaw()
    assert await ask(server, "zhang", directory=directory) is not None


@pytest.mark.parametrize("kind", ["ldaps", "start_tls"])
async def test_a_connection_closes_though_the_server_stands_still(own: Slapd, pair: Any, kind: str) -> None:
    """Its end of TLS is not waited for."""
    connection = await LdapConnection.open(over(kind, own, context(pair[0])))
    own.freeze()
    connection.close()
    async with asyncio.timeout(5):
        await connection._writer.wait_closed()
    own.thaw()


async def test_a_server_that_is_gone_is_an_outage_until_it_is_back(own: Slapd) -> None:
    """Nothing is kept that could be stale."""
    assert await ask(plain(own), "zhang") is not None
    own.stop()
    with pytest.raises(VerifierOutage):
        await ask(plain(own), "zhang")
    own.start()
    assert await ask(plain(own), "zhang") is not None


async def test_servers_are_tried_in_order(own: Slapd, slapd: Slapd) -> None:
    """One that is gone or stands still is passed over within its share of the time."""
    verifier = LdapPasswordVerifier([plain(own), plain(slapd)], SEARCHES, 4.0)
    own.freeze()
    assert await verifier.verify("zhang", PASSWORD) is not None
    assert await verifier.verify("zhang", "wrong") is None
    own.stop()
    assert await verifier.verify("zhang", PASSWORD) is not None
    await verifier.close()


async def test_questions_at_once_are_bounded(slapd: Slapd) -> None:
    """More wait for their turn; all get their answer."""
    verifier = LdapPasswordVerifier([plain(slapd)], SEARCHES, 20.0)
    users = await asyncio.gather(*(verifier.verify("zhang", PASSWORD) for _ in range(3 * MAX_CONNECTIONS)))
    assert {user.user_id if user else None for user in users} == {"42"}


# --- servers that slapd cannot be: Active Directory's words, and nonsense ---------------------------------------------

SUCCESS = bytes.fromhex("0a010004000400")


def answer(number: int, tag: int, content: bytes) -> bytes:
    inner = bytes([2, 1, number, tag, len(content)]) + content
    return bytes([0x30, len(inner)]) + inner


def result(code: int, diagnostic: str = "") -> bytes:
    text = diagnostic.encode()
    return bytes([0x0A, 1, code, 4, 0, 4, len(text)]) + text


class Scripted:
    """Answers each message that arrives with the next of `answers`, whatever it was; keeps what arrived."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.heard: list[bytes] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> LdapServer:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return LdapServer("scripted", "127.0.0.1", self.server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        for octets in self.answers:
            heard = await reader.read(4096)
            self.heard.append(heard)
            if not heard:
                break
            writer.write(octets)
        writer.close()


ENTRY = answer(1, 0x64, bytes.fromhex("0403 636e3d 3000".replace(" ", "")))
DONE = answer(1, 0x65, result(0))


@pytest.mark.parametrize("data", ["52e", "525", "530", "531", "532", "533", "701", "773", "775"])
async def test_what_active_directory_says_of_accounts_is_a_no(data: str, caplog: pytest.LogCaptureFixture) -> None:
    """All of these come with result 49; the log has the number, and nothing else of the text."""
    caplog.set_level(logging.INFO)
    words = f"80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data {data}, v2580 zhang"
    directory = replace(AS_PERSON, bind_as="{username}@corp.example")
    async with Scripted(answer(1, 0x61, result(49, words))) as server:
        assert await ask(server, "zhang", directory=directory) is None
    assert f"result 49 invalidCredentials, data {data}" in caplog.text
    assert "zhang" not in caplog.text


async def test_people_search_as_themselves_in_active_directory() -> None:
    """Bound by their name in the domain, found, then proven by their entry: each with the password."""
    directory = replace(AS_PERSON, bind_as="{username}@corp.example", user_id="dn", claims={})
    found = ENTRY.replace(b"\x02\x01\x01", b"\x02\x01\x02") + DONE.replace(b"\x02\x01\x01", b"\x02\x01\x02")
    scripted = Scripted(answer(1, 0x61, SUCCESS), found, answer(3, 0x61, SUCCESS))
    async with scripted as server:
        assert await ask(server, "zhang", directory=directory) == User("cn=", {})
    assert [PASSWORD.encode() in heard for heard in scripted.heard] == [True, False, True]
    assert b"zhang@corp.example" in scripted.heard[0]


@pytest.mark.parametrize("username", ["zhang@other.example", "CN=zhang,DC=x", "OTHER\\zhang", "zhang*", "a\nb"])
async def test_a_name_that_is_more_than_a_name_is_not_asked_about(username: str) -> None:
    """`{username}@corp.example` must stay a name of that domain."""
    directory = replace(AS_PERSON, bind_as="{username}@corp.example")
    scripted = Scripted(answer(1, 0x61, SUCCESS))
    async with scripted as server:
        assert await ask(server, username, directory=directory) is None
    assert scripted.heard == []


@pytest.mark.parametrize("code", [48, 49, 19, 53])
async def test_a_refused_account_is_a_no(code: int) -> None:
    """Servers have more words than one for an account that may not."""
    async with Scripted(ENTRY + DONE, answer(2, 0x61, result(code))) as server:
        assert await ask(server, "zhang", directory=ANONYMOUS) is None


@pytest.mark.parametrize("code", [1, 8, 10, 13, 32, 34, 50, 51, 52, 80, 118])
async def test_any_other_result_is_an_outage(code: int) -> None:
    """Busy, unavailable, a referral: of a person's bind, of our own, of the search."""
    async with Scripted(ENTRY + DONE, answer(2, 0x61, result(code))) as server:
        with pytest.raises(VerifierOutage):
            await ask(server, "zhang", directory=ANONYMOUS)
    for directory in (ANONYMOUS, AS_PERSON, SEARCHES):
        tag = 0x65 if directory is ANONYMOUS else 0x61
        async with Scripted(answer(1, tag, result(code))) as server:
            with pytest.raises(VerifierOutage):
                await ask(server, "zhang", directory=directory)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x80\x00\x00",
        b"\x30\x84\x7f\xff\xff\xff",
        b"\x30\x00",
        answer(1, 0x61, b""),
        answer(1, 0x61, b"\x0a\x00\x04\x00\x04\x00"),
        answer(1, 0x61, SUCCESS)[:-1],
        answer(2, 0x61, SUCCESS),
        answer(0, 0x61, SUCCESS),
        answer(0, 0x78, result(52)),
        answer(1, 0x65, SUCCESS),
        answer(1, 0x78, SUCCESS),
        answer(1, 0x64, b"\x04\x01\xff\x30\x00"),
    ],
)
@pytest.mark.parametrize("directory", [ANONYMOUS, AS_PERSON])
async def test_nonsense_is_an_outage(octets: bytes, directory: Directory) -> None:
    """Only an answer to this question, of its kind, is one."""
    if directory is ANONYMOUS and octets[5:6] == b"\x65":
        octets = octets[:-1]  # an honest end of a search, else
    async with Scripted(octets) as server:
        with pytest.raises(VerifierOutage):
            await ask(server, "zhang", directory=directory, patience=1)


async def test_an_unknown_name_costs_as_many_questions(slapd: Slapd) -> None:
    """Search, then a bind, whether there is such a name or not; the bind of nobody carries no password."""
    for entries in (b"", ENTRY, ENTRY + ENTRY):
        scripted = Scripted(entries + DONE, answer(2, 0x61, result(49)), b"")
        async with scripted as server:
            assert await ask(server, "zhang", directory=ANONYMOUS) is None
        binds = [heard for heard in scripted.heard if heard[5:6] == b"\x60"]
        assert len(binds) == 1
        assert (PASSWORD.encode() in binds[0]) == (entries == ENTRY)


async def test_what_was_slipped_in_before_tls_is_not_read() -> None:
    """Bytes behind StartTLS's answer end in a failed handshake at most, never in an answer."""
    forged = answer(2, 0x61, SUCCESS)
    scripted = Scripted(answer(1, 0x78, SUCCESS) + forged, forged, forged)
    async with scripted as server:
        tls = replace(server, tls=ssl.create_default_context(), start_tls=True)
        with pytest.raises(VerifierOutage):
            await ask(tls, "zhang", directory=AS_PERSON, patience=1)
    assert not any(PASSWORD.encode() in heard for heard in scripted.heard)


async def test_a_long_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that never ends, and a message without measure."""
    async with Scripted(ENTRY * 200) as server:
        with pytest.raises(VerifierOutage):
            await ask(server, "zhang", directory=ANONYMOUS, patience=5)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
