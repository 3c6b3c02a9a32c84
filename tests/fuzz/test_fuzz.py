"""Every reader of what comes from outside, with the stored inputs and some hundred new ones."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.inputs import corpus, inputs
from fuzz.targets import TARGETS

each_target = pytest.mark.parametrize("name", TARGETS)


@each_target
def test_stored_inputs(name: str) -> None:
    """Each stored input is an answer or a coded refusal; among them are some of both."""
    assert {TARGETS[name](data) for data in corpus(name)} == {True, False}


@each_target
def test_any_bytes(name: str) -> None:
    """Any bytes are an answer or a coded refusal, never another exception."""

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data: st.DataObject) -> None:
        TARGETS[name](data.draw(inputs(name)))

    run()
