"""Check a file of `eldermall export`: python check_export.py A1.json roots.jsonl"""
import json
import sys
from contextlib import suppress
from hashlib import sha256

with suppress(ImportError):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as Key
sys.excepthook = lambda _, error, __: print(f"不通过 · refused: {error!r}")
__debug__ or sys.exit("python -O 不作核对 · python -O checks nothing")
text, lines = (open(name, encoding="utf-8").read() for name in sys.argv[1:])  # noqa: SIM115
file = json.loads(text)
subject, leaf, roots = file["subject"], file["leaf"], file["roots"]

def _chain(bodies, name, number, prev, **more):  # what each says, and its hash
    for body in bodies:
        right = {"v": 1, "alg": "sha256", "mall": file["mall"], name: number, "prev": prev} | more
        assert right.items() <= json.loads(body).items(), f"{name} {number} 不符 · is wrong"
        number, prev = number + 1, sha256(body.encode()).hexdigest()
        yield json.loads(body), prev

def _climb(node, index, size, path):  # where an audit path leads, RFC 6962
    if size > 1 and index ^ 1 < size:
        beside, *path = bytes.fromhex(path[0]), *path[1:]
        node = sha256(b"\1" + (beside + node if index % 2 else node + beside)).digest()
    return [node.hex(), path] if size < 2 else _climb(node, index // 2, (size + 1) // 2, path)

def _root(line):  # plain, or signed in an envelope
    if "root" in (outer := json.loads(line)):
        key, sig = bytes.fromhex(outer["key"]), bytes.fromhex(outer["sig"])
        if checked := "Key" in globals():
            Key.from_public_bytes(key).verify(sig, b"eldermall/root/1\n" + outer["root"].encode())
        print("签名已核对 · signed by" if checked else "签名未核对 · not checked if by", key.hex())
    return outer.get("root", line)

says, hashes = zip(*_chain(file["entries"], "seq", 1, "", subject=subject), strict=True)
for p in file["personal"]:
    opens = sha256(bytes.fromhex(p["salt"]) + p["value"].encode()).hexdigest()
    assert dict(enumerate(says, 1))[p["seq"]]["args"][p["name"]] == {"commitment": opens}, p
right = leaf and [1, [subject, leaf[1], hashes[leaf[1] - 1]], len(says) - leaf[1], hashes[-1]]
assert [file["format"], leaf, file["unsealed"], file["head"]] == right, "未封存 · not sealed so"
first, node = json.loads(roots[0]), json.dumps(leaf, separators=(",", ":")).encode()
tree = _climb(sha256(b"\0" + node).digest(), file["index"], first["leaves"], file["path"])
assert tree == [first["tree"], []], "路径不符 · the path doesn't lead to the root"
numbers = [says["number"] for says, _ in _chain(roots, "number", first["number"], first["prev"])]
kept = [_root(line) for line in lines.splitlines() if line.endswith("}")]
same = [body in roots for body in kept if json.loads(body)["number"] in numbers]
assert {*same} == {True}, "没有相符的库外封存根 · no root from outside is among the file's"
print(f"通过：{subject} 第 1 至 {leaf[1]} 条，封存根 {numbers[0]}；未封存 {file['unsealed']} 条\n"
      f"passed: {subject} 1 to {leaf[1]} under root {numbers[0]}; unsealed: {file['unsealed']}")
