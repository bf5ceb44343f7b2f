"""Roots that are signed: what a line looks like, what it withstands, and what verify says of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from eldermall import FileUnreadable, Mall
from eldermall.adapters.roots.ed25519 import fingerprint, public_key
from eldermall.adapters.roots.file import KeptRoot, RootsFile, kept_roots, read_roots
from eldermall.adapters.roots.signed import SignedRootsFile
from eldermall.cli import app
from eldermall.contracts.events import SealedRoot
from eldermall.engine.canonical import canonical
from tests import shop

# The keys of RFC 8032, tests 1 and 2, as openssl genpkey and openssl pkey -pubout write them.
PRIVATE = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""
PUBLIC = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""
KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
OTHER = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7
-----END PRIVATE KEY-----
"""
OTHER_KEY = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
ENCRYPTED = """-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAigP2JJGMaVSQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEDdYOta+wDWQkhz/rKoqrvoEQFiE
OnPMXOz1L021ku5kmQI4R+E+pYnEM2LOKDjTbuh9+NyxjM+0Et2u3+u6X1+5Nr5R
HY0NX4H9jQnyQF3uHl8=
-----END ENCRYPTED PRIVATE KEY-----
"""
RSA_PUBLIC = """-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCkKDh6Xv0pM6kfHABD0rTzSaFi
n/K7AAGsEtNrwi+yewUn1EsZI7XGBo8DbRm333+sKZHPADmwVEh8gIQ+tu/ZNQv1
lL6WmWM0nobLoG3UVAvfsVjNmJLeZZUzkNMZPHZOOthmJwCv0z+R8gvv/tL7zvkG
lClyXyaPUNOmAYxokQIDAQAB
-----END PUBLIC KEY-----
"""


def root(number: int) -> SealedRoot:
    body = canonical({"mall": "main", "number": number, "tree": f"{number:064}"})
    return SealedRoot("main", number, body)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with keys."""
    monkeypatch.chdir(tmp_path)
    texts = {
        "private.pem": PRIVATE, "public.pem": PUBLIC, "other.pem": OTHER,
        "encrypted.pem": ENCRYPTED, "rsa.pem": RSA_PUBLIC, "nonsense.pem": "no key\n",
    }
    for name, text in texts.items():
        Path(name).write_text(text)
    Path("x25519.pem").write_bytes(
        X25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    return tmp_path


def signed(name: str = "roots.jsonl", key: str = "private.pem") -> SignedRootsFile:
    return SignedRootsFile(name, key)


# A line


def test_a_line_is_canonical_and_anybody_can_check_its_signature(here: Path) -> None:
    signed().eldermall_root(root(1))
    (line,) = Path("roots.jsonl").read_bytes().splitlines()
    fields = json.loads(line)
    assert line == canonical(fields)
    assert {**fields, "sig": ""} == {
        "alg": "ed25519", "key": KEY, "root": root(1).body.decode(), "sig": "",
    }
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(KEY))
    key.verify(bytes.fromhex(fields["sig"]), b"eldermall/root/1\n" + root(1).body)


def test_the_fingerprint_is_what_openssl_gives_for_the_public_key(here: Path) -> None:
    # openssl pkey -pubin -in public.pem -outform DER | openssl dgst -sha256
    said = "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9"
    assert fingerprint(public_key("public.pem")) == said


def test_plain_and_signed_lines_are_read_in_their_order(here: Path) -> None:
    RootsFile("roots.jsonl").eldermall_root(root(1))
    signed().eldermall_root(root(2))
    signed(key="other.pem").eldermall_root(root(3))
    RootsFile("roots.jsonl").eldermall_root(root(4))
    assert read_roots("roots.jsonl") == [root(number).body for number in (1, 2, 3, 4)]
    keys = [None, bytes.fromhex(KEY), bytes.fromhex(OTHER_KEY), None]
    assert [kept.key for kept in kept_roots("roots.jsonl")] == keys


def test_a_root_handed_over_again_stands_once(here: Path) -> None:
    for _ in range(2):
        signed().eldermall_root(root(1))
    assert read_roots("roots.jsonl") == [root(1).body]


@pytest.mark.parametrize("keeper", ["plain", "signed"])
def test_after_a_crash_at_any_byte_the_next_root_stands_whole(here: Path, keeper: str) -> None:
    file = RootsFile("roots.jsonl") if keeper == "plain" else signed()
    file.eldermall_root(root(1))
    whole = Path("roots.jsonl").read_bytes()
    for length in range(len(whole)):
        Path("roots.jsonl").write_bytes(whole[:length])
        for number in (1, 2):
            file.eldermall_root(root(number))
        kept = [body for body in read_roots("roots.jsonl") if body != root(1).body]
        assert kept == [root(2).body]
        assert root(1).body in read_roots("roots.jsonl")


@given(data=st.data())
def test_a_changed_signed_line_never_counts_as_another_root(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    (folder / "private.pem").write_text(PRIVATE)
    file = folder / "roots.jsonl"
    SignedRootsFile(file, folder / "private.pem").eldermall_root(root(1))
    RootsFile(file).eldermall_root(root(2))
    line, rest = file.read_bytes().split(b"\n", 1)
    place = data.draw(st.integers(0, len(line) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b not in (line[place], 10, 13)))
    file.write_bytes(line[:place] + bytes([byte]) + line[place + 1 :] + b"\n" + rest)
    counting = [kept.body for kept in kept_roots(file) if kept.fault(None) is None]
    assert counting in ([root(2).body], [root(1).body, root(2).body])


ALTERED = [
    {"alg": "ed448"}, {"alg": None}, {"key": OTHER_KEY}, {"key": "zz"}, {"key": ""}, {"key": 1},
    {"sig": "00" * 64}, {"sig": ""}, {"sig": None}, {"root": root(2).body.decode()},
    {"root": "\ud800"}, {"root": {}},
]


@pytest.mark.parametrize("altered", ALTERED, ids=str)
def test_an_altered_field_is_a_wrong_signature(here: Path, altered: dict[str, Any]) -> None:
    signed().eldermall_root(root(1))
    fields = json.loads(Path("roots.jsonl").read_bytes()) | altered
    Path("roots.jsonl").write_text(json.dumps(fields) + "\n")
    assert kept_roots("roots.jsonl") == [KeptRoot(1, b"", b"")]
    with pytest.raises(FileUnreadable, match=r"roots.jsonl: the root in line 1 has a wrong sig"):
        read_roots("roots.jsonl")


@pytest.mark.parametrize("name", ["alg", "key", "sig"])
def test_a_missing_field_is_a_wrong_signature_and_no_plain_root(here: Path, name: str) -> None:
    signed().eldermall_root(root(1))
    fields = json.loads(Path("roots.jsonl").read_bytes())
    del fields[name]
    Path("roots.jsonl").write_text(json.dumps(fields) + "\n")
    assert kept_roots("roots.jsonl") == [KeptRoot(1, b"", b"")]


def test_with_a_key_only_roots_that_it_signed_are_read(here: Path) -> None:
    signed("mine.jsonl").eldermall_root(root(1))
    signed("theirs.jsonl", "other.pem").eldermall_root(root(1))
    RootsFile("plain.jsonl").eldermall_root(root(1))
    assert read_roots("mine.jsonl", "public.pem") == [root(1).body]
    with pytest.raises(FileUnreadable, match="line 1 isn't signed by the key"):
        read_roots("theirs.jsonl", "public.pem")
    with pytest.raises(FileUnreadable, match="line 1 isn't signed"):
        read_roots("plain.jsonl", "public.pem")


# Keys

NO_PRIVATE = (
    "{} 中没有 PEM 格式的 Ed25519 私钥，可用 openssl genpkey -algorithm ed25519 生成",
    "{} holds no Ed25519 private key in PEM; openssl genpkey -algorithm ed25519 makes one",
)
NO_PUBLIC = (
    "{} 中没有 PEM 格式的 Ed25519 公钥，可用 openssl pkey -pubout 从私钥导出",
    "{} holds no Ed25519 public key in PEM; openssl pkey -pubout makes it from the private one",
)
NO_FILE = (
    "无法读取密钥文件 {}：No such file or directory",
    "can't read the key in {}: No such file or directory",
)
PASSPHRASE = (
    "私钥文件 {} 已加密，不支持口令；请使用未加密的私钥，并以文件权限保护",
    "the key in {} is encrypted, and there is nobody to ask for its passphrase; use one that "
    "isn't, and guard it by the file's permissions",
)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("public.pem", NO_PRIVATE), ("rsa.pem", NO_PRIVATE), ("nonsense.pem", NO_PRIVATE),
        ("x25519.pem", NO_PRIVATE),
        ("none.pem", NO_FILE), ("encrypted.pem", PASSPHRASE),
    ],
)
def test_what_cannot_sign_is_refused_when_the_plugin_is_made(
    here: Path, name: str, words: tuple[str, str]
) -> None:
    with pytest.raises(FileUnreadable) as refused:
        signed(key=name)
    assert (refused.value.text.zh, refused.value.text.en) == tuple(w.format(name) for w in words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("private.pem", NO_PUBLIC), ("rsa.pem", NO_PUBLIC), ("nonsense.pem", NO_PUBLIC),
        ("encrypted.pem", NO_PUBLIC), ("none.pem", NO_FILE),
    ],
)
def test_what_is_no_public_key_is_refused(here: Path, name: str, words: tuple[str, str]) -> None:
    with pytest.raises(FileUnreadable) as refused:
        public_key(name)
    assert (refused.value.text.zh, refused.value.text.en) == tuple(w.format(name) for w in words)


# Verify


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify", "sqlite:///mall.db", *arguments])


@pytest.fixture
def mall(here: Path) -> Iterator[Mall]:
    """A mall with two roots, kept plain, signed, and signed by another."""
    keepers = [
        RootsFile("plain.jsonl"), signed("signed.jsonl"), signed("other.jsonl", "other.pem"),
    ]
    with shop.open_mall("sqlite:///mall.db", plugins=keepers) as mall:
        shop.staff(mall)
        mall.seal()
        shop.place(mall)
        mall.seal()
        mall.relay()
        yield mall


def lines(*names: str) -> None:
    """Put the n-th line of the n-th file together into one file."""
    kept = [Path(f"{name}.jsonl").read_bytes().splitlines()[n] for n, name in enumerate(names)]
    Path("mixed.jsonl").write_bytes(b"\n".join(kept) + b"\n")


def outside(*names: str, key: str | None = None) -> tuple[Any, int | None, list[str]]:
    """Verify with such lines; return what JSON says of them, the anchor, and codes of findings."""
    lines(*names)
    result = run("--root", "mixed.jsonl", "--json", *(() if key is None else ("--key", key)))
    found = json.loads(result.stdout)
    codes = [finding["code"] for finding in found["findings"]]
    assert result.exit_code == (1 if codes else 0)
    assert found["passed"] is not bool(codes)
    return found["outside"], found["anchored"], codes


def by(key: str, roots: int, given: bool | None) -> dict[str, Any]:
    return {"fingerprint": fingerprint(bytes.fromhex(key)), "roots": roots, "given": given}


def test_verify_tells_signed_roots_from_plain_ones(mall: Mall) -> None:
    assert outside("plain", "plain") == ({"plain": 2, "signed": []}, 2, [])
    assert outside("signed", "plain") == ({"plain": 1, "signed": [by(KEY, 1, None)]}, 2, [])
    both = [by(KEY, 1, None), by(OTHER_KEY, 1, None)]
    assert outside("signed", "other") == ({"plain": 0, "signed": both}, 2, [])


def test_with_a_key_only_what_it_signed_anchors_and_the_rest_is_found(mall: Mall) -> None:
    mine = [by(KEY, 2, True)]
    assert outside("signed", "signed", key="public.pem") == ({"plain": 0, "signed": mine}, 2, [])
    mine = [by(KEY, 1, True)]
    said = ({"plain": 1, "signed": mine}, 1, ["unsigned"])
    assert outside("signed", "plain", key="public.pem") == said
    both = [by(KEY, 1, True), by(OTHER_KEY, 1, False)]
    said = ({"plain": 0, "signed": both}, 1, ["key"])
    assert outside("signed", "other", key="public.pem") == said
    assert outside("plain", "plain", key="public.pem")[1:] == (None, ["unsigned", "unsigned"])


def test_a_wrong_signature_does_not_anchor_and_is_found(mall: Mall) -> None:
    first, second = Path("signed.jsonl").read_bytes().splitlines()
    wrong = json.loads(second) | {"sig": json.loads(first)["sig"]}
    Path("wrong.jsonl").write_bytes(first + b"\n" + canonical(wrong) + b"\n")
    assert outside("signed", "wrong") == ({"plain": 0, "signed": [by(KEY, 1, None)]}, 1,
                                          ["signature"])


def test_a_rightly_signed_root_of_another_journal_is_found(mall: Mall) -> None:
    signed("foreign.jsonl").eldermall_root(root(1))
    result = run("--root", "foreign.jsonl", "--key", "public.pem", "--lang", "en")
    assert result.exit_code == 1
    assert "root 1 from outside isn't the one in the database" in result.stdout


SAID = {
    ("signed.jsonl", "en"): (
        "roots from outside: 2 signed, 0 not signed\n"
        "  2 by a key (no key was given to compare with) with the fingerprint\n  {}\n"
    ),
    ("signed.jsonl", "zh"): (
        "库外封存根：已签名 2 个，未签名 0 个\n"
        "  2 个由此密钥签名（未给出公钥核对），指纹：\n  {}\n"
    ),
    ("signed.jsonl", "en", "--key", "public.pem"): (
        "  2 by a key (the key that was given) with the fingerprint\n  {}\n"
    ),
    ("signed.jsonl", "zh", "--key", "public.pem"): (
        "  2 个由此密钥签名（即所给公钥），指纹：\n  {}\n"
    ),
    ("plain.jsonl", "en"): "roots from outside: 0 signed, 2 not signed\n",
    ("plain.jsonl", "zh"): "库外封存根：已签名 0 个，未签名 2 个\n",
}


@pytest.mark.parametrize(("asked", "words"), SAID.items(), ids=lambda x: " ".join(x)[:40])
def test_verify_says_who_signed(mall: Mall, asked: tuple[str, ...], words: str) -> None:
    name, lang, *more = asked
    result = run("--root", name, "--lang", lang, *more)
    assert result.exit_code == 0
    assert words.format(fingerprint(bytes.fromhex(KEY))) in result.stdout


@pytest.mark.parametrize(
    ("name", "code", "zh", "en"),
    [
        ("plain.jsonl", "unsigned", "第 1 行的封存根没有签名", "the root in line 1 isn't signed"),
        ("other.jsonl", "key", "第 1 行的封存根并非由所给公钥签名",
         "the root in line 1 isn't signed by the key that was given"),
    ],
)
def test_a_root_that_does_not_count_is_named_by_its_line(
    mall: Mall, name: str, code: str, zh: str, en: str
) -> None:
    for lang, words in (("zh", zh), ("en", en)):
        result = run("--root", name, "--key", "public.pem", "--lang", lang)
        assert result.exit_code == 1
        assert f"✗ {words}  {code}\n" in result.stdout


def test_a_key_without_roots_is_bad_input(mall: Mall) -> None:
    for lang, words in (
        ("zh", "错误：--key 的值 'public.pem' 无效：须与 --root 一同给出\n"),
        ("en", "error: --key = 'public.pem' is invalid: needs --root beside it\n"),
    ):
        result = run("--key", "public.pem", "--lang", lang)
        assert (result.exit_code, result.stderr, result.stdout) == (2, words, "")


# Without the extra


def without_the_extra(script: str) -> subprocess.CompletedProcess[str]:
    script = "import sys\nsys.modules['cryptography'] = None\n" + script
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C.UTF-8"},
    )


VERIFY = "from eldermall.cli import app\napp(['verify', 'sqlite:///mall.db', '--root', '{}'])"


def test_plain_roots_need_no_extra(mall: Mall) -> None:
    done = without_the_extra(VERIFY.format("plain.jsonl"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "anchored: compared with roots from outside up to number 2 of 2" in done.stdout


def test_signed_roots_without_the_extra_are_a_clear_error(mall: Mall) -> None:
    lines("plain", "signed")
    done = without_the_extra(VERIFY.format("mixed.jsonl"))
    said = "signed roots need a library for signatures: pip install 'eldermall[sign]'\n"
    assert (done.returncode, done.stderr) == (2, "error: " + said)


def test_the_plugin_without_the_extra_is_a_clear_error(here: Path) -> None:
    done = without_the_extra(
        "import eldermall\n"
        "from eldermall.adapters.roots.signed import SignedRootsFile\n"
        "try:\n    SignedRootsFile('roots.jsonl', 'private.pem')\n"
        "except eldermall.FileUnreadable as error:\n    print(error.text.zh)\n"
    )
    said = "签名的封存根需要密码学库，请执行 pip install 'eldermall[sign]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
