"""Check a file of `eldermall export`: python check_export.py A1.json roots.jsonl"""
import json
import sys
from contextlib import suppress
from hashlib import sha256

with suppress(ImportError):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as Key

def need(right, why):
    if not right:
        raise ValueError(why)

def chain(bodies, prev, name, first, **same):  # what each says, and its hash
    for number, body in enumerate(bodies, first):
        right = {"v": 1, "alg": "sha256", "prev": prev, name: number} | same
        need(right.items() <= json.loads(body).items(), f"{name} {number} 不符 · is wrong")
        prev = sha256(body.encode()).hexdigest()
        yield json.loads(body), prev

def climb(node, index, size, path):  # where an audit path leads, RFC 6962
    if size > 1 and index ^ 1 < size:
        beside, *path = bytes.fromhex(path[0]), *path[1:]
        node = sha256(b"\1" + (beside + node if index % 2 else node + beside)).digest()
    return [node.hex(), path] if size < 2 else climb(node, index // 2, (size + 1) // 2, path)

def root_in(line):  # plain, or in an envelope with its signature
    outer = json.loads(line)
    if "root" in outer and "Key" in globals():
        key, sig = bytes.fromhex(outer["key"]), bytes.fromhex(outer["sig"])
        Key.from_public_bytes(key).verify(sig, b"eldermall/root/1\n" + outer["root"].encode())
    return outer.get("root", line.strip())

def check(file, lines):
    mall, subject, leaf, first = file["mall"], file["subject"], file["leaf"], 
