"""Secrets come from the environment or a file, in development also from gateway.toml itself; weak ones are refused."""

import base64
import os
import re
import stat
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, BeforeValidator, SecretBytes, SecretStr, ValidationInfo, WithJsonSchema

from .context import Context, context_of

_FORM = 'write { env = "NAME" } or { file = "path" }'
_LARGEST = 65536  # bytes of a secret file


def _schema(**more: object) -> WithJsonSchema:
    tables = [
        {"type": "object", "properties": {source: {"type": "string"}, **more}, "required": [source]}
        for source in ("env", "file")
    ]
    inline = {"type": "string", "description": "The secret itself, in development only."}
    return WithJsonSchema({"anyOf": [*({**table, "additionalProperties": False} for table in tables), inline]})


SECRET_SCHEMA = _schema()
"""The JSON Schema of a reference to a secret."""


def read_secret(reference: object, context: Context) -> bytes:
    """What `reference` (a table with env or file, in development also the text itself) leads to, never empty.

    One trailing newline of a file is not part of it. A file that every user of the machine can read earns a warning:
    Kubernetes mounts secrets so. Raises ValueError.
    """
    if isinstance(reference, str):
        if not context.development:
            raise ValueError(f"may not stand in this file: {_FORM}")
        value = reference.encode()
    elif not isinstance(reference, dict) or len(reference) != 1 or not reference.keys() <= {"env", "file"}:
        raise ValueError(f"must come from one place: {_FORM}")
    else:
        [(source, name)] = reference.items()
        if not isinstance(name, str) or not name or "\0" in name:
            raise ValueError(f"must come from a named place: {_FORM}")
        value = _from_env(name, context) if source == "env" else _from_file(context.base / name, context)
    if not value.strip():
        raise ValueError("is empty")
    return value


def _from_env(name: str, context: Context) -> bytes:
    if name not in context.env:
        raise ValueError(f"the environment variable {name} is not set")
    return context.env[name].encode(errors="surrogateescape")


def _from_file(path: Path, context: Context) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not block the start
        with open(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ValueError(f"{path} is not a regular file")
            value = file.read(_LARGEST + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if len(value) > _LARGEST:
        raise ValueError(f"{path} is larger than 64 KB: that is no secret")
    if mode & stat.S_IROTH:
        context.warnings.append(f"{path} holds a secret and can be read by every user of this machine: chmod 600")
    return re.sub(rb"\r?\n\Z", b"", value)


def _bytes(reference: object, info: ValidationInfo) -> SecretBytes:
    return reference if isinstance(reference, SecretBytes) else SecretBytes(read_secret(reference, context_of(info)))


def _text(reference: object, info: ValidationInfo) -> SecretStr:
    try:
        return SecretStr(read_secret(reference, context_of(info)).decode())
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8") from None


SecretText = Annotated[SecretStr, BeforeValidator(_text), SECRET_SCHEMA]

# --- what makes a secret weak -------------------------------------------------------------------------

_PLACEHOLDER = re.compile(
    r"(?i)(your|my|the|wechat|app|a)*[-_ ]*(app|wx)?[-_ ]*(secret|password|passwd|token|key)|change[-_ ]?(me|this|it).*"
    r"|x{3,}|\*+|<.*>|\.\.\.|todo|test|example|placeholder|none|null|admin"
)


def _varied(text: str, least: int) -> bool:
    return len(set(text)) >= least and not _PLACEHOLDER.fullmatch(text)


def _app_secret(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    text = secret.get_secret_value()
    if _PLACEHOLDER.fullmatch(text):
        raise ValueError("is a placeholder: write the AppSecret that WeChat's console shows")
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("contains spaces or other characters that no AppSecret has")
    if not context_of(info).development and (len(text) < 16 or not _varied(text, 6)):
        raise ValueError("is too weak to be WeChat's AppSecret, which is 32 hexadecimal digits")
    return secret


def _random_text(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not re.fullmatch(r"[\x21-\x7e]+", text) or len(text) < 16 or not _varied(text, 8):
        raise ValueError("is too weak: at least 16 random visible characters, like `openssl rand -base64 24` prints")
    return secret


def decode_cookie_key(text: bytes) -> bytes:
    """The 32 bytes of a url-safe base64 key, padded or not. ValueError if malformed or plainly not random."""
    text = text.strip()
    if not re.fullmatch(rb"[A-Za-z0-9_-]{43}=?", text):
        raise ValueError("is not a cookie key: 32 random bytes as url-safe base64, `gateway keys generate` makes one")
    key = base64.urlsafe_b64decode(text.rstrip(b"=") + b"=")
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    if len(set(key)) < 10 or len(steps) < 4 or all(32 <= byte < 127 for byte in key):
        raise ValueError("is not random: `gateway keys generate` makes one that is")
    return key


def _cookie_key(secret: SecretBytes) -> SecretBytes:
    return SecretBytes(decode_cookie_key(secret.get_secret_value()))


AppSecret = Annotated[SecretText, AfterValidator(_app_secret)]
RandomText = Annotated[SecretText, AfterValidator(_random_text)]
"""A bearer token, or a secret that signs requests to a service."""

CookieKey = Annotated[SecretBytes, AfterValidator(_cookie_key), BeforeValidator(_bytes), SECRET_SCHEMA]
"""The 32 decoded bytes."""

# --- signing keys -------------------------------------------------------------------------------------


def check_signing_key(secret: bytes, algorithm: str) -> None:
    """ValueError unless `secret` is a key for `algorithm`: PKCS#8 PEM of its kind, or for HS256 32 bytes or more."""
    if algorithm == "HS256":
        if len(secret) < 32 or len(set(secret)) < 10:
            raise ValueError("is too weak for HS256: at least 32 random bytes")
        return
    if b"-----BEGIN PRIVATE KEY-----" not in secret:
        raise ValueError("is not a PKCS#8 PEM private key without password: `gateway keys generate` makes one")
    try:
        key = load_pem_private_key(secret, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is not a private key that can be read: `gateway keys generate` makes one") from None
    if algorithm == "ES256" and not (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        raise ValueError("is not a P-256 key, which ES256 needs")
    if algorithm == "EdDSA" and not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ValueError("is not an Ed25519 key, which EdDSA needs")
    if algorithm == "RS256" and not (isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048):
        raise ValueError("is not an RSA key of at least 2048 bits, which RS256 needs")


@dataclass(frozen=True, slots=True)
class IdentityKey:
    """One key of `identity.keys`: a PEM file's bytes, or an HS256 secret for one `audience` (None: the only one)."""

    secret: SecretBytes
    audience: str | None = None


def _identity_key(reference: object, info: ValidationInfo) -> IdentityKey:
    audience = None
    algorithm = info.data.get("algorithm")  # absent if it is itself wrong
    if isinstance(reference, dict) and "audience" in reference:
        reference = dict(reference)
        audience = reference.pop("audience")
        if not isinstance(audience, str) or not audience:
            raise ValueError("must name its audience as a string in quotes")
        if algorithm not in ("HS256", None):
            raise ValueError(f"may not name an audience: only HS256 keys are for one, {algorithm} keys are published")
    secret = read_secret(reference, context_of(info))
    if algorithm:
        check_signing_key(secret, algorithm)
    return IdentityKey(SecretBytes(secret), audience)


IdentityKeyReference = Annotated[IdentityKey, BeforeValidator(_identity_key), _schema(audience={"type": "string"})]
