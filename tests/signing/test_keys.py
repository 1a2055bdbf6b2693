"""Keys: what loads, what is refused, what is published."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from gateway.signing import ALGORITHMS, KeyRing, SecretRing, generate_pem, load_private_pem, shared_secret
from gateway.signing.keys import MIN_RSA_BITS

ASYMMETRIC = [name for name in ALGORITHMS if name != "HS256"]
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def pem(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes = b"") -> bytes:
    encryption: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_only_public_members_are_published(algorithm: str) -> None:
    """The JWK set has what backends need (use, alg, kid) and no private member."""
    ring = KeyRing([load_private_pem(generate_pem(algorithm), algorithm)])
    (jwk,) = json.loads(ring.jwks())["keys"]
    assert not PRIVATE_MEMBERS & jwk.keys()
    assert (jwk["use"], jwk["alg"], jwk["kid"]) == ("sig", algorithm, ring.for_audience("any").kid)


def test_all_keys_are_published_and_the_first_signs() -> None:
    """A rotation: the new key signs, tokens of the old one still verify."""
    new, old = (load_private_pem(generate_pem("ES256"), "ES256") for _ in range(2))
    ring = KeyRing([new, old])
    assert ring.for_audience("any") is new
    assert [jwk["kid"] for jwk in json.loads(ring.jwks())["keys"]] == [new.kid, old.kid]


def test_the_jwk_set_is_stable() -> None:
    """The same keys give the same bytes in every process, so their ETag is one."""
    file = generate_pem("ES256")
    assert KeyRing([load_private_pem(file, "ES256")]).jwks() == KeyRing([load_private_pem(file, "ES256")]).jwks()


def test_a_kid_is_the_keys_thumbprint() -> None:
    """RFC 7638 section 3: SHA-256 of the required members, in lexicographic order, without white space."""
    key = load_private_pem(generate_pem("ES256"), "ES256")
    assert key.public is not None
    x, y = key.public["x"], key.public["y"]
    digest = hashlib.sha256(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode()).digest()
    assert base64.urlsafe_b64decode(key.kid + "=") == digest


def test_shared_secrets_are_never_published() -> None:
    """HS256 has an empty JWK set and a kid that is not the secret."""
    secret = b"s" * 32
    ring = SecretRing({"legacy": secret})
    assert ring.jwks() == b'{"keys":[]}'
    key = ring.for_audience("legacy")
    assert key.public is None
    assert "ssss" not in key.kid
    assert "ssss" not in repr(key)


def test_every_audience_needs_a_secret_of_its_own() -> None:
    """A backend that knows another's secret could speak to it as the gateway."""
    with pytest.raises(ValueError, match="share one HS256 secret"):
        SecretRing({"a": b"s" * 32, "b": b"s" * 32})
    with pytest.raises(ValueError, match="no HS256 secret for the audience 'b'"):
        SecretRing({"a": b"s" * 32}).for_audience("b")


def test_a_short_secret_is_refused() -> None:
    """RFC 7518 section 3.2: at least 32 bytes."""
    with pytest.raises(ValueError, match="at least 32 bytes, this one has 31"):
        shared_secret(b"s" * 31)


def test_a_generated_secret_is_long_enough() -> None:
    """`gateway keys generate` for HS256 makes what the ring takes."""
    assert shared_secret(generate_pem("HS256").strip()).algorithm == "HS256"


def test_a_generated_key_is_unencrypted_pkcs8() -> None:
    """What `generate_pem` makes, any tool reads."""
    file = generate_pem("EdDSA")
    assert file.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    load_pem_private_key(file, password=None)


EC = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("data", "algorithm", "message"),
    [
        (b"", "ES256", "is not a PEM file"),
        (b"secret", "ES256", "is not a PEM file"),
        (EC.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "ES256", "no private key"),
        (pem(EC, password=b"x"), "ES256", "is encrypted"),
        (pem(EC).replace(b"M", b"!"), "ES256", "not a readable private key"),
        (pem(EC)[:80] + b"\n-----END PRIVATE KEY-----", "ES256", "not a readable private key"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "ES256", "ES256 needs an EC key on P-256"),
        (pem(EC), "RS256", f"RS256 needs an RSA key of at least {MIN_RSA_BITS} bits"),
        (pem(rsa.generate_private_key(65537, 1024)), "RS256", "RS256 needs an RSA key of at least"),
        (pem(EC), "EdDSA", "EdDSA needs an Ed25519 key"),
        (pem(EC), "HS256", "HS256 has no PEM keys"),
        (pem(EC), "none", "none has no PEM keys"),
    ],
)
def test_a_wrong_key_file_says_what_would_be_right(data: bytes, algorithm: str, message: str) -> None:
    """Each wrong file is refused with its own sentence, which never quotes the file."""
    with pytest.raises(ValueError, match=message) as caught:
        load_private_pem(data, algorithm)
    assert len(str(caught.value)) < 200


def test_the_same_key_twice_is_refused() -> None:
    """A rotation that forgot to make a new key is noticed."""
    key = load_private_pem(pem(EC), "ES256")
    with pytest.raises(ValueError, match="listed twice"):
        KeyRing([key, key])


def test_an_empty_ring_is_refused() -> None:
    """There is no token without a key."""
    with pytest.raises(ValueError, match="at least one"):
        KeyRing([])


def test_an_unknown_algorithm_is_refused() -> None:
    """The message names those that are known."""
    with pytest.raises(ValueError, match="ES256, EdDSA, RS256, HS256"):
        generate_pem("none")
