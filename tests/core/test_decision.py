"""Who may pass: every combination of facts has an outcome, and the way in needs proof."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import Bind, Decision, Deny, Facts, Forward, Login, SessionState, decide
from gateway.core.identity import Binding, Claims, Subject
from gateway.core.policy import Access, Challenge, Policy, Preflight, Requirement, Route
from gateway.core.reasons import Reason


def binding(app: str = "main", claims: Claims | None = None) -> Binding:
    return Binding(Subject(app, "openid"), "42", claims or {}, "pwd", 1, 0)


def facts(access: Access = Access.BOUND, own: bool = False, **known: object) -> Facts:
    """A bound user's navigation, but for what is `known` otherwise; a policy's fields may be named too."""
    policy_fields = {
        name: known.pop(name)
        for name in ("max_age", "require", "on_anonymous", "on_unbound", "preflight_policy", "let_in")
        if name in known
    }
    if "preflight_policy" in policy_fields:
        policy_fields["preflight"] = policy_fields.pop("preflight_policy")
    if "let_in" in policy_fields:
        policy_fields["handover"] = policy_fields.pop("let_in")
    policy = Policy("page", access, **policy_fields)  # type: ignore[arg-type]
    route = Route("app", ("*",), "/", False, frozenset({"*"}), policy, "legacy", own=own)
    signed_in = Facts(route, True, "main", SessionState.LIVE, "main", 10, binding())
    return replace(signed_in, **known)  # type: ignore[arg-type]


ADMINS = (Requirement("role", ("admin",)),)


@pytest.mark.parametrize(
    ("given_facts", "expected"),
    [
        (facts(), Forward(Reason.BOUND, identified=True)),
        (facts(own=True), Forward(Reason.OWN_PAGE, identified=False)),
        (facts(Access.PUBLIC), Forward(Reason.PUBLIC, identified=False)),
        (facts(Access.PUBLIC, app=None, session=SessionState.ABSENT), Forward(Reason.PUBLIC, identified=False)),
        (facts(app=None), Deny(Reason.MISDIRECTED, 421)),
        (facts(session=SessionState.ABSENT), Login(Reason.NO_SESSION, redirect=True)),
        (facts(session=SessionState.EXPIRED), Login(Reason.SESSION_EXPIRED, redirect=True)),
        (facts(session=SessionState.REVOKED), Login(Reason.SESSION_REVOKED, redirect=True)),
        (facts(session_app="other"), Login(Reason.SESSION_OF_OTHER_APP, redirect=True)),
        (facts(session_app=None), Login(Reason.SESSION_OF_OTHER_APP, redirect=True)),
        (facts(max_age=10), Forward(Reason.BOUND, identified=True)),
        (facts(max_age=9), Login(Reason.SESSION_TOO_OLD, redirect=True)),
        (facts(max_age=9, auth_age=None), Login(Reason.SESSION_TOO_OLD, redirect=True)),
        (facts(max_age=9, auth_age=float("nan")), Login(Reason.SESSION_TOO_OLD, redirect=True)),
        (facts(binding=None), Bind(Reason.NOT_BOUND, redirect=True)),
        (facts(binding=binding("other")), Bind(Reason.NOT_BOUND, redirect=True)),
        (facts(binding=None, require=ADMINS), Bind(Reason.NOT_BOUND, redirect=True)),
        (facts(require=ADMINS), Deny(Reason.CLAIMS_REFUSED, 403)),
        (facts(require=ADMINS, binding=binding(claims={"role": "admin"})), Forward(Reason.BOUND, identified=True)),
        (facts(website="site"), Forward(Reason.BOUND, identified=True)),
        (facts(website="site", session_app="site", binding=binding("site")), Forward(Reason.BOUND, identified=True)),
        (facts(website="site", session_app="site"), Bind(Reason.NOT_BOUND, redirect=True)),
        (facts(website="site", binding=binding("site")), Bind(Reason.NOT_BOUND, redirect=True)),
        (facts(website="site", session_app="other"), Login(Reason.SESSION_OF_OTHER_APP, redirect=True)),
        (facts(website=None, session_app=None, session=SessionState.LIVE), Login(Reason.SESSION_OF_OTHER_APP, True)),
        (facts(handover=True), Forward(Reason.BOUND, identified=True)),
        (facts(handover=True, let_in=False), Deny(Reason.HANDOVER_REFUSED, 403)),
        (facts(handover=False, let_in=False), Forward(Reason.BOUND, identified=True)),
        (facts(handover=True, let_in=False, binding=None), Deny(Reason.HANDOVER_REFUSED, 403)),
        (facts(Access.WECHAT, handover=True, let_in=False), Deny(Reason.HANDOVER_REFUSED, 403)),
        (
            facts(Access.OPTIONAL, handover=True, let_in=False),
            Forward(Reason.ANONYMOUS_ALLOWED, identified=False),
        ),
        (facts(Access.PUBLIC, handover=True), Forward(Reason.PUBLIC, identified=False)),
        (facts(Access.WECHAT), Forward(Reason.BOUND, identified=True)),
        (facts(Access.WECHAT, binding=None), Forward(Reason.UNBOUND_ALLOWED, identified=True)),
        (facts(Access.WECHAT, binding=binding("other")), Forward(Reason.UNBOUND_ALLOWED, identified=True)),
        (facts(Access.WECHAT, binding=None, require=ADMINS), Deny(Reason.CLAIMS_REFUSED, 403)),
        (facts(Access.WECHAT, session=SessionState.ABSENT), Login(Reason.NO_SESSION, redirect=True)),
    ],
)
def test_each_reason_has_its_outcome(given_facts: Facts, expected: Decision) -> None:
    """The contract of access, max_age and require, fact by fact."""
    assert decide(given_facts) == expected


@pytest.mark.parametrize(
    "missing",
    [
        {"session": SessionState.ABSENT},
        {"session": SessionState.EXPIRED},
        {"session": SessionState.REVOKED},
        {"session_app": "other"},
        {"app": None},
        {"binding": None},
        {"binding": binding("other")},
        {"require": ADMINS},
        {"max_age": 9},
    ],
)
def test_optional_never_challenges(missing: dict[str, object]) -> None:
    """X-User if there is a bound session of this app that the policy takes; else the request goes without."""
    assert decide(facts(Access.OPTIONAL)) == Forward(Reason.BOUND, identified=True)
    assert decide(facts(Access.OPTIONAL, **missing)) == Forward(Reason.ANONYMOUS_ALLOWED, identified=False)


@pytest.mark.parametrize(
    ("challenge", "navigation", "safe_method", "expected"),
    [
        (Challenge.AUTO, True, True, True),
        (Challenge.AUTO, False, True, False),
        (Challenge.AUTO, True, False, False),
        (Challenge.REDIRECT, False, True, True),
        (Challenge.REDIRECT, True, True, True),
        (Challenge.REDIRECT, True, False, False),
        (Challenge.REFUSE, True, True, False),
    ],
)
def test_who_is_redirected(challenge: Challenge, navigation: bool, safe_method: bool, expected: bool) -> None:
    """`auto`: navigations; `login` and `bind`: all but unsafe methods, whose bodies would be lost; else nobody."""
    common = {"navigation": navigation, "safe_method": safe_method}
    login = decide(facts(session=SessionState.ABSENT, on_anonymous=challenge, on_unbound=Challenge.REFUSE, **common))
    bind = decide(facts(binding=None, on_unbound=challenge, on_anonymous=Challenge.REFUSE, **common))

    assert login == Login(Reason.NO_SESSION, expected)
    assert bind == Bind(Reason.NOT_BOUND, expected)


@pytest.mark.parametrize("access", [Access.OPTIONAL, Access.WECHAT, Access.BOUND])
@pytest.mark.parametrize("known", [{}, {"session": SessionState.ABSENT}, {"app": None}])
def test_a_preflight_passes_without_identity_where_the_policy_says_so(access: Access, known: dict[str, object]) -> None:
    """Whoever asks, for browsers ask without cookies; and nothing else passes for that."""
    forward = facts(access, preflight_policy=Preflight.FORWARD, **known)
    assert decide(replace(forward, preflight=True)) == Forward(Reason.PREFLIGHT, identified=False)
    assert decide(forward) == decide(facts(access, **known))
    assert decide(facts(access, preflight=True, **known)) == decide(facts(access, **known))


@pytest.mark.parametrize(
    ("claim", "wanted", "expected"),
    [
        ("a", "a", True),
        ("a", "A", False),
        (7, "7", True),
        (True, "true", True),
        (True, "1", False),
        (False, "false", True),
        (["x", "a"], "a", True),
        ([], "a", False),
        ([7, True], "7", True),
        ("ab", "a", False),
        (None, "None", False),
        (1.0, "1.0", False),
        ({"a": 1}, "a", False),
        ([["a"]], "a", False),
    ],
)
def test_claims_are_compared_as_text(claim: object, wanted: str, expected: bool) -> None:
    """Text, whole numbers and JSON's true and false, or any item of a list; anything else never fits."""
    decision = decide(facts(require=(Requirement("c", (wanted,)),), binding=binding(claims={"c": claim})))

    assert isinstance(decision, Forward) is expected


def test_every_requirement_must_hold_and_one_of_its_values_is_enough() -> None:
    """Requirements are joined by and, values by or; a requirement without values holds for nobody."""
    both = (Requirement("a", ("1", "2")), Requirement("b", ("1",)))

    assert isinstance(decide(facts(require=both, binding=binding(claims={"a": 2, "b": 1}))), Forward)
    assert isinstance(decide(facts(require=both, binding=binding(claims={"a": 2}))), Deny)
    assert isinstance(decide(facts(require=(Requirement("a", ()),), binding=binding(claims={"a": 2}))), Deny)


APPS = st.sampled_from([None, "main", "other"])
BINDINGS = st.none() | st.builds(
    binding, st.sampled_from(["main", "other"]), st.sampled_from([{}, {"role": "admin"}, {"role": ["admin"]}])
)
ROUTES = st.builds(
    lambda own, **fields: Route(
        "app", ("*",), "/", False, frozenset({"*"}), Policy("page", **fields), "legacy", own=own
    ),
    own=st.booleans(),
    access=st.sampled_from(Access),
    on_anonymous=st.sampled_from(Challenge),
    on_unbound=st.sampled_from(Challenge),
    max_age=st.sampled_from([None, 0, 10]),
    require=st.sampled_from([(), ADMINS]),
    preflight=st.sampled_from(Preflight),
)
FACTS = st.builds(
    Facts,
    route=ROUTES,
    navigation=st.booleans(),
    app=APPS,
    session=st.sampled_from(SessionState),
    session_app=APPS,
    auth_age=st.none() | st.floats(-1, 100),
    binding=BINDINGS,
    safe_method=st.booleans(),
    preflight=st.booleans(),
)


@given(FACTS)
def test_decide_is_total_and_never_forwards_without_proof(known: Facts) -> None:
    """Identity needs a live session of this Host's app; a guarded route needs all that its policy names."""
    decision = decide(known)

    policy = known.route.policy
    if not isinstance(decision, Forward):
        assert not known.route.own
        assert policy.access in (Access.WECHAT, Access.BOUND)
        assert isinstance(decision, Deny) or not decision.redirect or known.safe_method
        return
    if decision.identified:
        assert not known.route.own
        assert policy.access is not Access.PUBLIC
        assert known.session is SessionState.LIVE
        assert known.app is not None
        assert known.session_app == known.app
        assert policy.max_age is None or (known.auth_age is not None and known.auth_age <= policy.max_age)
        bound = known.binding is not None and known.binding.subject.app == known.app
        assert bound or (policy.access is Access.WECHAT and decision.reason is Reason.UNBOUND_ALLOWED)
        assert not policy.require or (bound and known.binding is not None and known.binding.claims != {})
    else:
        preflight = known.preflight and policy.preflight is Preflight.FORWARD
        assert known.route.own or preflight or policy.access in (Access.PUBLIC, Access.OPTIONAL)
