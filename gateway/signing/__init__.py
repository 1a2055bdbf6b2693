"""From who someone is to X-User: key rings, the signed token, plain headers, and the check of a token."""

from .headers import plain_headers
from .keys import ALGORITHMS, KeyRing, SecretRing, SigningKey, generate_pem, load_private_pem, shared_secret
from .signer import Signer
from .verify import InvalidToken, verify

__all__ = [
    "ALGORITHMS",
    "InvalidToken",
    "KeyRing",
    "SecretRing",
    "Signer",
    "SigningKey",
    "generate_pem",
    "load_private_pem",
    "plain_headers",
    "shared_secret",
    "verify",
]
