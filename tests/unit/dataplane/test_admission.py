"""Tests of who calls: addresses, bans, request ids."""

import subprocess
import sys
import uuid

from apientreprise_gateway.dataplane.admission import new_request_id

_FORK = """
import os
from apientreprise_gateway.dataplane.admission import new_request_id
new_request_id()
child = os.fork()
if child:
    os.waitpid(child, 0)
print(new_request_id().decode(), flush=True)
"""


def test_request_ids_are_random_uuids() -> None:
    """Request ids are UUIDs of version 4 in their usual spelling, and none comes twice."""
    ids = [new_request_id().decode() for _ in range(1000)]
    assert len(set(ids)) == len(ids)
    for each in ids:
        read = uuid.UUID(each)
        assert (str(read), read.version, read.variant) == (each, 4, uuid.RFC_4122)


def test_a_forked_process_makes_ids_of_its_own() -> None:
    """A process that is forked does not make the ids that its parent makes."""
    done = subprocess.run([sys.executable, "-c", _FORK], capture_output=True, text=True, check=True)
    one, other = done.stdout.split()
    assert one != other
