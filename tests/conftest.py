"""For the whole tree: hypothesis profiles, certificates, and a run in which a test was skipped is a failed run."""

import datetime
import ipaddress
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import settings

settings.register_profile("fast", deadline=None, max_examples=100)
settings.register_profile("deep", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing is skipped silently: what a test needs is installed, or the run fails."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        reporter.ensure_newline()
        reporter.write_line("skipped tests fail the run", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


class Authority:
    """A certificate authority of a test's own: `ca` is its file, `issue` makes certificates."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(
            **dict.fromkeys(("key_cert_sign", "crl_sign"), True),
            **dict.fromkeys(
                ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
                False,
            ),
            encipher_only=False,
            decipher_only=False,
        )
        basic = x509.BasicConstraints(ca=True, path_length=0)
        ca = self._signed(self._key.public_key(), self._name, [(basic, True), (usage, True)])
        self.ca = self._written(f"{name}.ca.pem", ca.public_bytes(Encoding.PEM))

    def issue(self, *hosts: str, days: float = 1, itself: bool = False) -> tuple[Path, Path]:
        """The files of a certificate for names and addresses, and of its key; expired if `days` is negative.

        `itself`: signed by its own key, not by the authority's.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issued")])
        names = x509.SubjectAlternativeName([_general(host) for host in hosts])
        made = self._signed(key.public_key(), name, [(names, False)], days, key if itself else None)
        stem = f"{self._name.rfc4514_string()}-{made.serial_number}"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self._written(f"{stem}.pem", made.public_bytes(Encoding.PEM)), self._written(f"{stem}.key", private)

    def _written(self, name: str, data: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(data)
        path.chmod(0o600)
        return path

    def _signed(
        self,
        key: ec.EllipticCurvePublicKey,
        subject: x509.Name,
        extensions: list[tuple[x509.ExtensionType, bool]],
        days: float = 1,
        signer: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if signer else self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=10))
            .not_valid_after(now + datetime.timedelta(days=days))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer or self._key, SHA256())


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@pytest.fixture
def authority(tmp_path: Path) -> Callable[[str], Authority]:
    """Makes certificate authorities, by name."""
    return lambda name: Authority(tmp_path, name)
