"""The plainest bulk build that python-tuf's API allows: rows to bins, snapshot and timestamp, signed and written.

usage: python_tuf.py ROWS FOLDER KEY.pem BITS REPOSITORY EXPIRES
Prints one JSON object: versions, cpu seconds and peak memory of this process.
"""

import json
import os
import resource
import sys
from datetime import datetime, timezone
from importlib.metadata import version

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

SPEC_VERSION = "1.0.31"


def main() -> None:
    rows, folder, key_file, bits, repository, expires_text = sys.argv[1:]
    expires = datetime.strptime(expires_text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    own = {"x-tufa-repository": repository}
    with open(key_file, "rb") as file:
        signer = CryptoSigner(load_pem_private_key(file.read(), None))
    serializer = JSONSerializer(compact=True)

    succinct = SuccinctRoles([], 1, int(bits), f"bin{bits}")
    bins = {
        name: Targets(1, SPEC_VERSION, expires, {}, None, dict(own)) for name in succinct.get_roles()
    }
    with open(rows, encoding="ascii") as lines:
        for line in lines:
            path, length, sha256, listed = line.rstrip("\n").split("\t")
            target = TargetFile(int(length), {"sha256": sha256}, path, {"custom": {"listed": listed}})
            bins[succinct.get_role_for_target(path)].targets[path] = target

    def write(role: str, signed: object, number: int | None = 1) -> None:
        metadata = Metadata(signed)
        metadata.sign(signer)
        name = f"{role}.json" if number is None else f"{number}.{role}.json"
        with open(os.path.join(folder, name), "xb") as file:
            file.write(metadata.to_bytes(serializer))

    for role, targets in bins.items():
        write(role, targets)
    meta = {f"{role}.json": MetaFile(1) for role in bins}
    write("snapshot", Snapshot(1, SPEC_VERSION, expires, meta, dict(own)))
    write("timestamp", Timestamp(1, SPEC_VERSION, expires, MetaFile(1), dict(own)), None)

    usage = resource.getrusage(resource.RUSAGE_SELF)
    peer = f"python-tuf {version('tuf')} (Python {sys.version.split()[0]}, cryptography {version('cryptography')})"
    print(json.dumps({"peer": peer, "cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss * 1024}))


main()
