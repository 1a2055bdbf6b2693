"""The gateway: a real session of a bound user, a signed X-User, metrics and access log on."""

import base64
import secrets
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.client import Browser
from bench.dance import bind, sign_in
from bench.kinds import PAGE, SECTION
from bench.processes import free_port
from bench.proxies.proxy import Proxy, first_line
from bench.scene import APP_ID, PASSWORD, USERNAME, Scene
from gateway.verifiers.users import add_user

ROUTES = 50
COMMAND = str(Path(sys.executable).with_name("gateway"))

_CONFIGURATION = """
version = 1
[server]
development = true
listen = ["127.0.0.1:{port}"]
admin = "127.0.0.1:{admin}"
public_url = "http://127.0.0.1:{port}"
policies = "policies"
workers = {workers}
[secrets]
cookie_keys = [{{ file = "cookie.key" }}]
[[apps]]
id = "main"
provider = "wechat"
app_id = "{app_id}"
secret = {{ file = "wechat.secret" }}
authorize_base = "http://127.0.0.1:{wechat}"
api_base = "http://127.0.0.1:{wechat}"
[state]
url = "sqlite:data/state.db"
[bindings]
url = "sqlite:data/bindings.db"
[identity]
keys = [{{ file = "identity.pem" }}]
[bind]
methods = ["password"]
[bind.password]
verifier = "file"
file = "users.toml"
[limits]
max_connections = 12000
[[upstreams]]
id = "legacy"
servers = ["http://127.0.0.1:{upstream}"]
"""

_ROUTE = """
[[routes]]
id = "{id}"
path = "{path}"
policy = "page"
upstream = "legacy"
audience = "legacy"
"""


def versions() -> dict[str, str]:
    version = first_line(COMMAND, "--version").split()[-1]
    return {"gateway": version, "Python": sys.version.split()[0]}


def gateway(scene: Scene, routes: int = ROUTES, workers: int = 1) -> Proxy:
    """The gateway with so many routes and workers; the route that is asked for stands last."""
    name, title = "gateway", "the gateway"
    if routes != ROUTES:
        name, title = f"{name}-{routes}", f"{title}, {routes:,} routes"
    if workers != 1:
        name, title = f"{name}-{workers}-workers", f"{title}, {workers} workers"
    port, admin = free_port(), free_port()
    folder = scene.folder / name
    folder.mkdir()
    ports = {"port": port, "admin": admin, "wechat": scene.wechat, "upstream": scene.upstream}
    rules = [_ROUTE.format(id="all", path="/")]
    rules += [_ROUTE.format(id=f"r{number}", path=f"/part{number}/pages") for number in range(2, routes)]
    rules.append(_ROUTE.format(id="asked", path=SECTION))
    (folder / "gateway.toml").write_text(
        _CONFIGURATION.format(app_id=APP_ID, workers=workers, **ports) + "".join(rules)
    )
    (folder / "policies").mkdir()
    (folder / "policies" / "page.toml").write_text('access = "bound"\n')
    (folder / "data").mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    _secret(folder / "identity.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    _secret(folder / "cookie.key", base64.urlsafe_b64encode(secrets.token_bytes(32)))
    _secret(folder / "wechat.secret", scene.app_secret.encode())
    add_user(folder / "users.toml", USERNAME, password=PASSWORD, user_id="42", claims={"name": "Zhang San"})

    async def session(origin: str) -> str:
        async with Browser() as browser:
            form = await sign_in(browser, origin + PAGE.path, f"http://127.0.0.1:{scene.wechat}", "user0")
            await bind(browser, form, USERNAME, PASSWORD)
            jar = browser.jars[origin.removeprefix("http://")]
            return "; ".join(f"{name}={value}" for name, value in jar.items())

    return Proxy(
        name,
        title,
        port,
        (COMMAND, "serve", "-c", str(folder / "gateway.toml")),
        authenticates=True,
        user=r"[\w-]+\.[\w-]+\.[\w-]+",
        sign_in=session,
        ready=f"http://127.0.0.1:{admin}/readyz",
        workers=workers,
    )


def _secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
