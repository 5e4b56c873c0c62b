"""Reads [{"old": ..., "new": ...}] (texts of root files), writes for each pair whether python-tuf follows from old to new."""
import json
import sys

from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

answers = []
for pair in json.load(sys.stdin):
    try:
        trusted = TrustedMetadataSet(pair["old"].encode(), EnvelopeType.METADATA)
        trusted.update_root(pair["new"].encode())
        answers.append("follows")
    except Exception as error:  # the name of the refusal is the answer
        answers.append(type(error).__name__)
json.dump(answers, sys.stdout)
