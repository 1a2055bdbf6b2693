"""Apache of Debian, without and with mod_auth_openidc, whose sessions stand in its shared memory as by default."""

import os
import subprocess

from bench.client import Browser
from bench.processes import free_port, tool
from bench.proxies.proxy import Proxy, first_line, from_debian
from bench.scene import CLIENT_ID, USERNAME, Scene

FOLDER = "/usr/lib/apache2/modules"
MODULES = "mpm_event authn_core authz_core authz_user headers proxy proxy_http"
SESSION = "mod_auth_openidc_session"

_FRAME = """
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/{name}.pid
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
{load}
{user}
ErrorLog {folder}/{name}.error.log
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
CustomLog {folder}/{name}.access.log combined
StartServers 1
ServerLimit 1
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 128
KeepAlive On
KeepAliveTimeout 75
MaxKeepAliveRequests 0
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:{upstream}/
RequestHeader set X-Forwarded-Proto http
{more}
"""

_PLAIN = "RequestHeader set X-User static"

_OIDC = """
LoadModule auth_openidc_module {modules}/mod_auth_openidc.so
OIDCProviderMetadataURL http://127.0.0.1:{provider}/.well-known/openid-configuration
OIDCIDTokenSignedResponseAlg HS256
OIDCClientID {client}
OIDCClientSecret {secret}
OIDCRedirectURI http://127.0.0.1:{port}/callback
OIDCCryptoPassphrase {secret}
OIDCRemoteUserClaim sub
OIDCSessionInactivityTimeout 28800
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
RequestHeader set X-User %{{OIDC_CLAIM_sub}}e
"""


def install() -> None:
    # Not the package apache2: nothing shall start by itself.
    from_debian({"apache2-bin": "/usr/sbin/apache2", "libapache2-mod-auth-openidc": f"{FOLDER}/mod_auth_openidc.so"})


def versions() -> dict[str, str]:
    module = ["dpkg-query", "-Wf${Version}", "libapache2-mod-auth-openidc"]
    asked = subprocess.run(module, capture_output=True, text=True, check=True)
    return {
        "Apache": first_line(tool("apache2"), "-v").partition("/")[2].split()[0],
        "mod_auth_openidc": asked.stdout.partition("-")[0],
    }


def prepare(scene: Scene) -> list[Proxy]:
    ports = free_port(), free_port()
    oidc = _OIDC.format(
        modules=FOLDER, port=ports[1], provider=scene.provider, client=CLIENT_ID, secret=scene.client_secret
    )
    return [
        Proxy("apache", "Apache", ports[0], _written(scene, "apache", ports[0], _PLAIN)),
        Proxy(
            "apache-oidc",
            "Apache, mod_auth_openidc",
            ports[1],
            _written(scene, "apache-oidc", ports[1], oidc),
            authenticates=True,
            user=USERNAME,
            sign_in=_sign_in,
        ),
    ]


async def _sign_in(origin: str) -> str:
    """By way of the provider and back."""
    async with Browser() as browser:
        url = f"{origin}/who"
        for step in ("the page", "the provider", "the callback"):
            answer = await browser.get(url)
            if answer.status not in (302, 303) or not answer.location:
                raise RuntimeError(f"{step} answered {answer.status} instead of a redirect")
            url = answer.location
        return f"{SESSION}={browser.jars[origin.removeprefix('http://')][SESSION]}"


def _written(scene: Scene, name: str, port: int, more: str) -> tuple[str, ...]:
    path = scene.folder / f"{name}.conf"
    load = "\n".join(f"LoadModule {m}_module {FOLDER}/mod_{m}.so" for m in MODULES.split())
    text = _FRAME.format(
        folder=scene.folder,
        name=name,
        port=port,
        load=load,
        user="User www-data\nGroup www-data" if os.geteuid() == 0 else "",
        upstream=scene.upstream,
        more=more,
    )
    path.touch(mode=0o600)
    path.write_text(text)
    return (tool("apache2"), "-DFOREGROUND", "-f", str(path))
