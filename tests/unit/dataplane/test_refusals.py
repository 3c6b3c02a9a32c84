"""Tests of the answers to calls that are refused."""

import json

import pytest

from apientreprise_gateway.contract.errors import refuse
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.refusals import Refusals
from unit.dataplane.rig import ADMITTED, PATH, VERSIONS, call_of, plan

refused = Refusals(VERSIONS)


def call(target: str = PATH) -> Call:
    """A call with a request id."""
    made = call_of(target)
    made.request_id = b"mine"
    return made


@pytest.mark.parametrize(("target", "objects"), [("/v4/nothing", True), ("/v2/nothing", False), ("/nothing", True)])
def test_errors_have_the_shape_of_their_version(target: str, objects: bool) -> None:
    """Errors are objects from v3 on and where no version is named, else texts; the call keeps their codes."""
    made = call(target)
    status, body, _ = refused(made, refuse("00404"))

    assert (status, made.codes) == (404, ("00404",))
    assert isinstance(json.loads(body)["errors"][0], dict) is objects


def test_a_refusal_brings_its_headers() -> None:
    """The headers of a refusal stand beside those of every answer, the limits' too once these were asked."""
    made = call()
    made.verdict = ADMITTED
    _, _, lines = refused(made, refuse("00429", headers=((b"retry-after", b"17"),)))

    assert b"x-request-id: mine\r\n" in lines
    assert b"ratelimit-remaining: 200\r\n" in lines
    assert lines.endswith(b"retry-after: 17\r\n")


@pytest.mark.parametrize(("asked", "content_type"), [(False, b"application/json"), (True, b"application/vnd.api+json")])
def test_errors_have_the_type_of_who_answers(asked: bool, content_type: bytes) -> None:
    """An error of a check is plain JSON; once the checks are passed it has the type of the endpoint."""
    made = call()
    made.plan, made.asked = plan(), asked

    assert b"content-type: %b\r\n" % content_type in refused(made, refuse("00500"))[2]
