"""Ed25519: keys in PEM files, and roots in an envelope with their signature.

A signature is over `DOMAIN` and the root's bytes, so that it can stand for nothing else. Keys and
signatures need the extra ``eldermall[sign]``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eldermall.errors import FileUnreadable
from eldermall.texts import Text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DOMAIN = b"eldermall/root/1\n"
"""Stands before the root's bytes in what is signed."""

ALGORITHM = "ed25519"

_DER = bytes.fromhex("302a300506032b6570032100")  # before the 32 bytes of every public key


def private_key(path: str | Path) -> Ed25519PrivateKey:
    """Return the key in a file that ``openssl genpkey -algorithm ed25519`` has made.

    Raises:
        FileUnreadable: it can't be read, is encrypted, or holds no such key.
    """
    _need_the_extra()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data, key = _bytes(path), None
    try:
        with suppress(ValueError, UnsupportedAlgorithm):
            key = load_pem_private_key(data, password=None)
    except TypeError as error:
        raise FileUnreadable(
            Text(
                f"私钥文件 {path} 已加密，不支持口令；请使用未加密的私钥，并以文件权限保护",
                f"the key in {path} is encrypted, and there is nobody to ask for its passphrase; "
                "use one that isn't, and guard it by the file's permissions",
            )
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise FileUnreadable(
            Text(
                f"{path} 中没有 PEM 格式的 Ed25519 私钥，"
                "可用 openssl genpkey -algorithm ed25519 生成",
                f"{path} holds no Ed25519 private key in PEM; "
                "openssl genpkey -algorithm ed25519 makes one",
            )
        )
    return key


def public_key(path: str | Path) -> bytes:
    """Return the 32 bytes of the key in a file that ``openssl pkey -pubout`` has made.

    Raises:
        FileUnreadable: it can't be read, or holds no such key.
    """
    _need_the_extra()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data, key = _bytes(path), None
    with suppress(ValueError, UnsupportedAlgorithm):
        key = load_pem_public_key(data)
    if not isinstance(key, Ed25519PublicKey):
        raise FileUnreadable(
            Text(
                f"{path} 中没有 PEM 格式的 Ed25519 公钥，可用 openssl pkey -pubout 从私钥导出",
                f"{path} holds no Ed25519 public key in PEM; "
                "openssl pkey -pubout makes it from the private one",
            )
        )
    return key.public_bytes_raw()


def fingerprint(key: bytes) -> str:
    """Return the SHA-256 of a public key in DER, as ``openssl pkey -outform DER`` gives it."""
    return sha256(_DER + key).hexdigest()


def enclosed(body: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return a root in its envelope: canonical JSON, the same for the same root and key."""
    fields = {
        "alg": ALGORITHM,
        "key": key.public_key().public_bytes_raw().hex(),
        "root": body.decode(),
        "sig": key.sign(DOMAIN + body).hex(),
    }
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def opened(envelope: Mapping[str, Any]) -> tuple[bytes, bytes] | None:
    """Return the root in an envelope and the public key that signed it; None if none did.

    Raises:
        FileUnreadable: the extra isn't installed.
    """
    _need_the_extra()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        body, key = envelope["root"].encode(), bytes.fromhex(envelope["key"])
        signature = bytes.fromhex(envelope["sig"])
        Ed25519PublicKey.from_public_bytes(key).verify(signature, DOMAIN + body)
    except (KeyError, AttributeError, TypeError, ValueError, InvalidSignature):
        return None
    return (body, key) if envelope.get("alg") == ALGORITHM else None


def _need_the_extra() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise FileUnreadable(
            Text(
                "签名的封存根需要密码学库，请执行 pip install 'eldermall[sign]'",
                "signed roots need a library for signatures: pip install 'eldermall[sign]'",
            )
        ) from error


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FileUnreadable(
            Text(
                f"无法读取密钥文件 {path}：{error.strerror}",
                f"can't read the key in {path}: {error.strerror}",
            )
        ) from error
