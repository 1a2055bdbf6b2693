"""Certificates for loopback, made at once."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat


def write_pair(folder: Path, name: str, *, days: tuple[int, int] = (-1, 90), password: bytes | None = None) -> str:
    """A self-signed certificate in `name.pem`, its key in `name.key`. Its serial number, as Python's ssl shows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    (folder / f"{name}.key").touch(mode=0o600)
    (folder / f"{name}.key").write_bytes(private)
    serial = f"{certificate.serial_number:X}"
    return serial if len(serial) % 2 == 0 else f"0{serial}"


def trusting(*files: Path, alpn: list[str] | None = None) -> ssl.SSLContext:
    """A client's context that trusts these certificates."""
    context = ssl.create_default_context()
    for file in files:
        context.load_verify_locations(file)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context
