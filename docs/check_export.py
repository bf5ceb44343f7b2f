"""Check a file of `eldermall export`: python check_export.py A1.json roots.jsonl"""
import json
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

with suppress(ImportError):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as Key

def need(right, why):
    if not right:
        sys.exit(print(f"✗ 不通过 · refused: {why}") or 1)

def chain(bodies, prev, name, first):  # what each says, and its hash
    for number, body in enumerate(bodies, first):
        says, right = json.loads(body), {"v": 1, "alg": "sha256", "mall": mall, "prev": prev}
        need((right | {name: number}).items() <= says.items(), f"{name} {number} 不符 · is wrong")
        yield says, (prev := sha256(body.encode()).hexdigest())

def climb(node, index, size, path):  # where an audit path leads, RFC 6962
    if size > 1 and index ^ 1 < size:
        beside, *path = bytes.fromhex(path[0]), *path[1:]
        node = sha256(b"\1" + (beside + node if index % 2 else node + beside)).digest()
    return [node.hex(), path] if size < 2 else climb(node, index // 2, (size + 1) // 2, path)

sys.excepthook = lambda _, error, __: print(f"✗ 不通过 · refused: {error!r}")
text, outside = (Path(name).read_text("utf-8") for name in sys.argv[1:])
file = json.loads(text)
mall, leaf, entries, roots = file["mall"], file["leaf"], file["entries"], file["roots"]
says, hashes = zip(*chain(entries, "", "seq", 1))
...
