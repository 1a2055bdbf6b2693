"""The legacy system's internal endpoints, as the gateway's verifiers and senders call them (contract 4.5)."""

import pytest

MING = {"user_id": "1001", "claims": {"name": "王小明", "roles": ["member"]}}


@pytest.mark.parametrize(
    ("username", "password", "status"),
    [
        ("xiaoming", "longjing", 200),
        ("xiaoming", "puer", 401),
        ("xiaoming", "", 401),
        ("nobody", "longjing", 401),
        ("xiaoming", "\ud800", 401),
    ],
)
async def test_password(legacy, username, password, status):
    """The right pair is 200 with user id and claims, anything else 401."""
    response = await legacy.post("/internal/verify", json={"username": username, "password": password})
    assert response.status == status
    if status == 200:
        assert await response.json() == MING


async def test_phone(legacy):
    """A known phone is 200 with user id and claims, an unknown one 404."""
    response = await legacy.post("/internal/by-phone", json={"phone": "13800138000"})
    assert (response.status, await response.json()) == (200, MING)
    assert (await legacy.post("/internal/by-phone", json={"phone": "13900000000"})).status == 404


async def test_sms_lands_in_the_outbox(legacy):
    """A sent code is in the outbox, as JSON and as a page, the newest first on the page."""
    for code in ("111111", "222222"):
        response = await legacy.post("/internal/sms", json={"phone": "13800138000", "code": code, "ttl": 300})
        assert response.status == 204
    outbox = await (await legacy.get("/internal/outbox", headers={"Accept": "application/json"})).json()
    assert [sms["code"] for sms in outbox] == ["111111", "222222"]
    assert outbox[0] == {"phone": "13800138000", "code": "111111", "ttl": 300}
    text = await (await legacy.get("/internal/outbox")).text()
    assert text.index("222222") < text.index("111111")


async def test_a_bind_that_was_told_is_shown(legacy):
    """The page of messages says so once, however often it was told."""
    for _ in range(2):
        told = {"id": "e1", "event": "bound", "user_id": "1001"}
        assert (await legacy.post("/internal/binds", json=told)).status == 204
    text = await (await legacy.get("/internal/outbox")).text()
    assert text.count("您的账号已绑定微信。") == 1
    assert "1001" in text


@pytest.mark.parametrize("path", ["/internal/verify", "/internal/by-phone", "/internal/sms", "/internal/binds"])
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b"[" * 10_000, b'{"username": 1, "phone": 1}'])
async def test_nonsense_is_400(legacy, path, body):
    """A body that is not the object asked for is 400, and no answer about anybody."""
    assert (await legacy.post(path, data=body)).status == 400


async def test_closed_to_what_came_through_a_proxy(legacy):
    """A request with X-Forwarded-For came from outside: 404."""
    headers = {"X-Forwarded-For": "192.0.2.1"}
    assert (await legacy.get("/internal/outbox", headers=headers)).status == 404
    body = {"username": "xiaoming", "password": "longjing"}
    assert (await legacy.post("/internal/verify", json=body, headers=headers)).status == 404
