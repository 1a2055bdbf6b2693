"""The certificate that TLS listeners show, as the context of their handshakes."""

import os
import ssl
from pathlib import Path

# RFC 9325: TLS 1.2 with forward secrecy and AEAD only; TLS 1.3 has nothing else.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


class CertificateUnusable(Exception):
    """Files that cannot be used; the message names the key and says why."""


class Certificate:
    """`context` is for new handshakes; connections that stand keep theirs. Files are in PEM, the chain leaf first."""

    def __init__(self, chain: Path, key: Path) -> None:
        self.files = (chain, key)
        self._stamp = self._look()
        self.context = self._load()

    def renew(self) -> bool:
        """Whether the files have changed and are in use now. Raises CertificateUnusable: the old ones stay."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp  # a broken file is told of once
        self.context = self._load()
        return True

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_ciphers(_CIPHERS)
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(*self.files, password=_no_password)
        except (OSError, ValueError) as error:  # SSLError is an OSError
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
            raise CertificateUnusable(
                f"server.tls: {self.files[0]} and {self.files[1]} cannot be used: {why}"
            ) from None
        return context

    def _look(self) -> tuple[object, ...]:
        try:
            return tuple((found.st_ino, found.st_mtime_ns, found.st_size) for found in map(os.stat, self.files))
        except OSError:
            return ()


def _no_password() -> bytes:
    raise ValueError("the key has a password")
