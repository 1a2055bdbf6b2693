"""X-User: the claims of contract 4.3, and no others."""

import base64
import json
from typing import Any

import pytest

from gateway.core.errors import GatewayError
from gateway.core.identity import Binding, Session, Subject
from gateway.core.policy import Access, Policy, Route
from gateway.sealing import KeyedHash
from gateway.signing import ALGORITHMS, KeyRing, SecretRing, Signer, generate_pem, load_private_pem, verify
from gateway.signing.signer import MAX_TOKEN

NOW = 1_800_000_000
MASTER = [bytes(range(32))]
SECRET = b"0123456789abcdef0123456789abcdef"
OPENID = "oCANARY-5Kd5ggOC-bXrbNODIiE3"
SUBJECT = Subject("main", OPENID)
SESSION = Session("sid-CANARY", SUBJECT, auth_time=NOW - 100, created=NOW - 100, sealed_at=NOW - 50)
SIDS, SUBJECTS = KeyedHash(MASTER, "sid"), KeyedHash(MASTER, "subject")
KEY = load_private_pem(generate_pem("ES256"), "ES256")


def make_signer(keyring: KeyRing | SecretRing | None = None, ttl: int = 120) -> Signer:
    issuer = "https://app.example.com"
    return Signer(keyring or KeyRing([KEY]), issuer, ttl, SIDS, SUBJECTS, {"main": "wx520c15f417810387"})


def make_route(access: Access = Access.BOUND, audience: str | None = "legacy", **policy: Any) -> Route:
    return Route("app", ("*",), "/", False, frozenset("*"), Policy("page", access, **policy), "legacy", audience)


def make_binding(claims: dict[str, Any] | None = None, subject: Subject = SUBJECT) -> Binding:
    return Binding(subject, "42", claims or {}, "pwd", version=7, bound_at=NOW - 10)


def decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = token.split(".")
    return json.loads(base64.urlsafe_b64decode(header + "==")), json.loads(base64.urlsafe_b64decode(payload + "=="))


def test_a_bound_users_token_has_exactly_the_contracts_claims() -> None:
    """Header and claims as contract 4.3 lists them; nothing of the WeChat identity is in them."""
    token = make_signer().mint(SESSION, make_route(), make_binding(), NOW)
    header, claims = decoded(token)
    assert header == {"alg": "ES256", "kid": KEY.kid, "typ": "JWT"}
    jti = claims.pop("jti")
    assert claims == {
        "iss": "https://app.example.com",
        "aud": "legacy",
        "sub": "42",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 120,
        "sid": SIDS.name("sid-CANARY"),
        "app": "main",
        "bound": True,
        "amr": ["wechat", "pwd"],
        "auth_time": NOW - 100,
        "route": "app",
    }
    assert len(base64.urlsafe_b64decode(jti + "==")) == 16
    assert "CANARY" not in json.dumps(claims)


def test_every_token_has_its_own_jti() -> None:
    """The jti names the token."""
    signer = make_signer()
    tokens = {decoded(signer.mint(SESSION, make_route(), make_binding(), NOW))[1]["jti"] for _ in range(50)}
    assert len(tokens) == 50


def test_an_unbound_wechat_user_is_a_pseudonym_of_the_audience() -> None:
    """Two backends cannot tell that they see the same WeChat user, and neither learns the OpenId."""
    signer = make_signer()
    here, again, there = (
        decoded(signer.mint(SESSION, make_route(Access.WECHAT, audience), None, NOW))[1]
        for audience in ("legacy", "legacy", "other")
    )
    assert here["sub"] == again["sub"] == "wx:" + SUBJECTS.name("main", OPENID, "legacy")
    assert here["sub"] != there["sub"]
    assert here["bound"] is False
    assert here["amr"] == ["wechat"]
    assert OPENID not in json.dumps(here)


def test_a_bound_user_on_a_wechat_route_is_themselves() -> None:
    """`access = "wechat"` asks for less, it does not hide a binding."""
    claims = decoded(make_signer().mint(SESSION, make_route(Access.WECHAT), make_binding(), NOW))[1]
    assert (claims["sub"], claims["bound"]) == ("42", True)


def test_only_the_claims_that_the_policy_names_are_handed_on() -> None:
    """The rest stays with the binding; a named claim that the user lacks is absent."""
    binding = make_binding({"name": "张三", "roles": ["clerk"], "salary": 1})
    claims = decoded(make_signer().mint(SESSION, make_route(claims=("name", "roles", "dept")), binding, NOW))[1]
    assert (claims["name"], claims["roles"]) == ("张三", ["clerk"])
    assert not {"salary", "dept"} & claims.keys()


def test_a_verifiers_claim_never_passes_for_ours() -> None:
    """Whatever a policy names, the registered claims are the gateway's own."""
    names = "iss aud sub iat nbf exp jti sid app bound amr auth_time route openid app_id"
    evil = dict.fromkeys(names.split(), "evil")
    route = make_route(claims=tuple(evil))
    assert "evil" not in decoded(make_signer().mint(SESSION, route, make_binding(evil), NOW))[1].values()


def test_the_openid_is_there_if_the_policy_exposes_it() -> None:
    """WeChat Pay needs it: with the app id that it belongs to."""
    claims = decoded(make_signer().mint(SESSION, make_route(expose_openid=True), make_binding(), NOW))[1]
    assert (claims["openid"], claims["app_id"]) == (OPENID, "wx520c15f417810387")


@pytest.mark.parametrize(
    ("route", "binding"),
    [
        (make_route(Access.BOUND), None),
        (make_route(Access.OPTIONAL), None),
        (make_route(Access.PUBLIC), None),
        (make_route(audience=None), make_binding()),
        (make_route(), make_binding(subject=Subject("main", "oSomebodyElse"))),
        (make_route(), make_binding(subject=Subject("other", OPENID))),
    ],
)
def test_what_is_not_proven_is_not_signed(route: Route, binding: Binding | None) -> None:
    """No binding where one is needed, no audience, another subject's binding: an error, never a token."""
    with pytest.raises(GatewayError) as caught:
        make_signer().mint(SESSION, route, binding, NOW)
    assert caught.value.status == 500
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), "\ud800", {1, 2}, object()])
def test_a_claim_that_is_not_json_is_refused(value: Any) -> None:
    """A token is plain JSON or there is none."""
    with pytest.raises(GatewayError):
        make_signer().mint(SESSION, make_route(claims=("x",)), make_binding({"x": value}), NOW)


def test_a_token_is_bounded() -> None:
    """Too many claims are an error that names the policy, not a header that backends cut or refuse."""
    route = make_route(claims=("x",))
    assert len(make_signer().mint(SESSION, route, make_binding({"x": "y" * 3500}), NOW)) <= MAX_TOKEN
    with pytest.raises(GatewayError, match=r"at most 6144 are allowed: let the policy 'page' name fewer claims"):
        make_signer().mint(SESSION, route, make_binding({"x": "y" * 5000}), NOW)


@pytest.mark.parametrize("ttl", [0, 301])
def test_a_token_lives_five_minutes_at_most(ttl: int) -> None:
    """Contract 4.3: exp is at most 300 s away."""
    with pytest.raises(ValueError, match="300"):
        make_signer(ttl=ttl)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_verifies_under_what_is_published(algorithm: str) -> None:
    """Every algorithm's round trip, through the bytes that backends get."""
    keys: dict[str, Any]
    if algorithm == "HS256":
        signer, keys = make_signer(SecretRing({"legacy": SECRET})), {"secret": SECRET}
    else:
        signer = make_signer(KeyRing([load_private_pem(generate_pem(algorithm), algorithm)]))
        keys = {"jwks": signer.jwks()}
    token = signer.mint(SESSION, make_route(), make_binding(), NOW)
    claims = verify(token, audience="legacy", issuer="https://app.example.com", now=NOW, **keys)
    assert claims["sub"] == "42"


def test_hs256_signs_with_the_audiences_own_secret() -> None:
    """An audience without a secret gets no token."""
    signer = make_signer(SecretRing({"legacy": SECRET}))
    with pytest.raises(GatewayError):
        signer.mint(SESSION, make_route(audience="other"), make_binding(), NOW)
    assert signer.jwks() == b'{"keys":[]}'
