"""A painted WeChat with a fixed clock, and a JWKS server for the legacy application."""

import json
import time
from urllib.parse import parse_qs, quote, urlsplit

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from yarl import URL

from gateway.simulator.hints import DEMO_ACCOUNTS
from gateway.simulator.legacy import LegacySim, build_legacy
from gateway.simulator.wechat import STATE, MenuLink, SimApp, WeChatSim, build_wechat

APP_ID = "wx520c15f417810387"
SECRET = "not-a-real-secret"
NOW = 1_700_000_000


class WeChatBrowser:
    """A browser on the painted WeChat, and the server that exchanges its codes."""

    def __init__(self, client, now, slept):
        self.client = client
        self.state = client.app[STATE]
        self.now = now
        self.slept = slept

    def authorize_path(self, redirect_uri="http://127.0.0.1:1/cb", scope="snsapi_base", state="abc1", appid=APP_ID):
        return (
            f"/connect/oauth2/authorize?appid={appid}&redirect_uri={quote(redirect_uri, safe='')}"
            f"&response_type=code&scope={scope}&state={state}"
        )

    async def get(self, path, **kwargs):
        url = URL(str(self.client.make_url("/"))[:-1] + path, encoded=True)
        return await self.client.session.get(url, allow_redirects=False, **kwargs)

    async def location(self, **kwargs):
        response = await self.get(self.authorize_path(**kwargs))
        assert response.status == 302, await response.text()
        return response.headers["Location"]

    async def code(self, **kwargs):
        return parse_qs(urlsplit(await self.location(**kwargs)).query)["code"][0]

    async def exchange_raw(self, code, **changes):
        params = {"appid": APP_ID, "secret": SECRET, "code": code, "grant_type": "authorization_code"} | changes
        return await self.client.get("/sns/oauth2/access_token", params={k: v for k, v in params.items() if v})

    async def exchange(self, code, **changes):
        response = await self.exchange_raw(code, **changes)
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain"
        return json.loads(await response.read())


@pytest.fixture
def open_wechat(aiohttp_client):
    async def opened(**config):
        now, slept = [float(NOW)], []

        async def sleep(seconds):
            slept.append(seconds)

        config = {
            "apps": (
                SimApp(APP_ID, SECRET, scopes=("snsapi_base", "snsapi_userinfo")),
                SimApp("wx0000000000000001", "other"),
                SimApp("wxwebsite", "website", website=True),
            ),
            "menu": (MenuLink("我的订单", "http://127.0.0.1:8080/orders"),),
            "default_user": "xiaoming",
            "clock": lambda: now[0],
            "sleep": sleep,
        } | config
        return WeChatBrowser(await aiohttp_client(build_wechat(WeChatSim(**config))), now, slept)

    return opened


@pytest.fixture
async def wechat(open_wechat):
    return await open_wechat()


class Keys:
    """The gateway's side: keys, a JWKS endpoint that counts its visits, and tokens."""

    def __init__(self):
        self.private = {}
        self.fetched = 0
        self.status = 200
        self.body = None

    def add(self, kid):
        self.private[kid] = ec.generate_private_key(ec.SECP256R1())

    async def jwks(self, _request):
        self.fetched += 1
        keys = [
            json.loads(ECAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "alg": "ES256"}
            for kid, key in self.private.items()
        ]
        return web.Response(status=self.status, body=self.body or json.dumps({"keys": keys}))

    def token(self, kid="k1", key=None, **changes):
        now = int(time.time())
        claims = {"iss": "https://gw", "aud": "legacy", "sub": "1001", "iat": now, "exp": now + 120, "name": "王小明"}
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(claims, key or self.private[kid], algorithm="ES256", headers={"kid": kid})


@pytest.fixture
async def keys(aiohttp_server):
    keys = Keys()
    keys.add("k1")
    app = web.Application()
    app.router.add_get("/jwks.json", keys.jwks)
    server = await aiohttp_server(app)
    keys.url = str(server.make_url("/jwks.json"))
    return keys


@pytest.fixture
async def legacy(aiohttp_client, keys):
    config = LegacySim(keys.url, audience="legacy", issuer="https://gw", accounts=DEMO_ACCOUNTS, max_upload=1 << 20)
    return await aiohttp_client(build_legacy(config))
