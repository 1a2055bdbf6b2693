"""A certificate and its key in files: whether they can be used, and for how long."""

import datetime
import os
import ssl
import stat
from pathlib import Path

from cryptography import x509

from .context import Context

_SOON = datetime.timedelta(days=14)


def check_pair(certificate: Path, key: Path, context: Context) -> None:
    """ValueError unless both files can be read and fit together. A key that everybody can read is a warning."""
    for path in (certificate, key):
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if mode & stat.S_IROTH:
        context.warnings.append(f"{key} holds a secret and can be read by every user of this machine: chmod 600")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"{key} is not the key of {certificate}") from None
        raise ValueError(f"{certificate} and {key} are not a certificate and its key, both in PEM") from None
    except ValueError as error:
        raise ValueError(f"{key} {error}") from None
    context.warnings.extend(_dates(certificate))


def _no_password() -> bytes:
    raise ValueError("has a password: nobody could type it")


def _dates(path: Path) -> list[str]:
    """What is to be said of the certificate's dates. An expired one is used: people may click it away."""
    now = datetime.datetime.now(datetime.UTC)
    certificate = x509.load_pem_x509_certificates(path.read_bytes())[0]
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begins:
        return [f"{path}: this certificate is not valid before {begins:%Y-%m-%d %H:%M} UTC"]
    if now > ends:
        return [f"{path}: this certificate expired on {ends:%Y-%m-%d %H:%M} UTC"]
    if now > ends - _SOON:
        return [f"{path}: this certificate expires on {ends:%Y-%m-%d %H:%M} UTC"]
    return []
