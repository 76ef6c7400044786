"""Check a proof of an audit entry offline: `python check_proof.py proof.json PUBLIC_KEY_HEX`.

Needs only the `cryptography` package. Prints what holds and ends with 1 if anything does not.
"""

import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def check(proof: dict, public_key: bytes) -> list[str]:
    """Return what is wrong with a proof; nothing if it holds."""
    problems = []
    written = json.dumps(proof["event"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    event_hash = hashlib.sha256(written.encode()).digest()
    if event_hash.hex() != proof["event_hash"]:
        problems.append("the entry is not the one that was sealed")
    node = hashlib.sha256(b"\x00" + event_hash).digest()
    for side, sibling in proof["path"]:
        other = bytes.fromhex(sibling)
        pair = other + node if side == "left" else node + other
        node = hashlib.sha256(b"\x01" + pair).digest()
    if node.hex() != proof["root"]:
        problems.append("the path does not lead to the seal's root")
    place = f"{proof['org_id']}|{proof['seal_no']}|{proof['size']}".encode()
    seal = hashlib.sha256(b"\x02" + bytes.fromhex(proof["prev_hash"]) + node + place).digest()
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(
            bytes.fromhex(proof["signature"]), seal
        )
    except InvalidSignature:
        problems.append("the signature is not the key holder's")
    return problems


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        found = check(json.load(file), bytes.fromhex(sys.argv[2]))
    print("\n".join(found) or "The proof holds.")
    sys.exit(1 if found else 0)
