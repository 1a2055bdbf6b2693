"""Whom the client believes to be WeChat: a certificate of a trusted authority for the right host, nothing else."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.wechat.interface import ExchangeFailed, Failure
from gateway.wechat.wechat import WeChat


class Authority:
    """A certificate authority and the files of one server."""

    def __init__(self, folder: Path, host: x509.GeneralName) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"CA {folder.name}")])
        basic = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(
            digital_signature=False,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        ca = self._sign(self._key, self._name, basic, usage)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(ca.public_bytes(Encoding.PEM))
        server_key = ec.generate_private_key(ec.SECP256R1())
        server_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
        server = self._sign(server_key, server_name, x509.SubjectAlternativeName([host]))
        chain = folder / "server.pem"
        private = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain.write_bytes(private + server.public_bytes(Encoding.PEM))
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(chain)

    def _sign(
        self, key: ec.EllipticCurvePrivateKey, name: x509.Name, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=not isinstance(extension, x509.SubjectAlternativeName))
        return builder.sign(self._key, SHA256())


LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("host", "trusted", "served"),
    [(LOOPBACK, True, True), (LOOPBACK, False, False), (x509.DNSName("api.weixin.qq.com"), True, False)],
    ids=["right", "unknown authority", "wrong host"],
)
async def test_tls_is_verified(tmp_path: Path, host: x509.GeneralName, trusted: bool, served: bool) -> None:
    """A stranger's certificate, or one for another host, is refused before anything is sent, and not tried again."""
    authority = Authority(tmp_path, host)
    queries: list[str] = []
    outcomes: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        queries.append(request.query_string)
        return web.json_response({"openid": "oabc"})

    app = web.Application()
    app.router.add_get("/sns/oauth2/access_token", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=authority.context)
    client = WeChat(
        "main",
        "wx1",
        "secret",
        api_base=f"https://127.0.0.1:{server.port}",
        ca_file=str(authority.ca_file) if trusted else None,
        on_call=lambda app, outcome, seconds: outcomes.append(outcome),
    )
    try:
        if served:
            assert (await client.exchange("code")).openid == "oabc"
        else:
            with pytest.raises(ExchangeFailed) as caught:
                await client.exchange("code")
            assert (caught.value.failure, queries, outcomes) == (Failure.OUTAGE, [], ["outage"])
    finally:
        await client.close()
        await server.close()
