"""python-tuf behind the protocol of the interop drivers (test/interop/support/clients.ts): one JSON request a line on
standard input, one JSON answer a line on standard output."""

import hashlib
import json
import os
import sys
from datetime import datetime
from pathlib import Path

import tuf
from tuf.ngclient import Updater


def run(request):
    """Refreshes, then looks up and downloads each target in order with one Updater."""
    result = {"clock": "given" if request.get("now") else "wall", "targets": {}}
    updater = None
    try:
        updater = new_updater(request)
        updater.refresh()
        result["refresh"] = "ok"
    except Exception as error:  # whatever python-tuf refuses with is the result
        result["refresh"] = refusal(error)
    if updater is not None:
        result.update(versions(updater))
    if result["refresh"] == "ok":
        for path in request["targets"]:
            result["targets"][path] = look_up(updater, path)
    return result


def new_updater(request):
    state = Path(request["state"])
    for folder in ("metadata", "targets"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    updater = Updater(
        metadata_dir=str(state / "metadata"),
        metadata_base_url=request["metadataUrl"],
        target_dir=str(state / "targets"),
        target_base_url=request["targetsUrl"],
        bootstrap=Path(request["root"]).read_bytes(),
    )
    if request.get("now"):
        # python-tuf offers no public way to choose the reference time.
        updater._trusted_set.reference_time = datetime.fromisoformat(request["now"])
    return updater


def look_up(updater, path):
    try:
        info = updater.get_targetinfo(path)
        if info is None:
            return "absent"
        file = updater.download_target(info)
        sha256 = hashlib.sha256(Path(file).read_bytes()).hexdigest()
        os.remove(file)
        return {"sha256": sha256}
    except Exception as error:
        return refusal(error)


def versions(updater):
    """What the client trusts now, also when the refresh was refused on the way."""
    trusted = updater._trusted_set
    return {f"{role}Version": trusted[role].version for role in ("root", "timestamp", "snapshot") if role in trusted}


def refusal(error):
    return {"error": f"{type(error).__name__}: {error}"}


def send(value):
    print(json.dumps(value), flush=True)


send({"client": "python-tuf", "version": tuf.__version__})
for line in sys.stdin:
    try:
        send(run(json.loads(line)))
    except Exception as error:
        send({"failure": f"{type(error).__name__}: {error}"})
