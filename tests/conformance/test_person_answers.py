"""What the sandbox says of persons, against the published schemas: lengths, formats and unknown fields as well."""

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.sandbox.particulier.persons import CLAIRE, PERSONS
from conformance.conftest import load_schemas
from conformance.test_sandbox_schemas import as_json_schema
from unit.sandbox.particulier.asking import ENDPOINTS, ask, parameters_for

_PARTS = ("api_particulier_v3_plus", "api_particulier_v2", "changed_in_successor_2026_04_28")
PUBLISHED = {
    operation: entry["schema"]
    for part in _PARTS
    for operation, entry in load_schemas()[part].items()
    if isinstance(entry, dict) and "schema" in entry
}
WITHOUT_IDENTITY = {
    endpoint.operation
    for endpoint in ENDPOINTS
    if endpoint.operation.endswith("_france_connect")
    and ("cnous" in endpoint.operation or "mesri" in endpoint.operation)
}
"""Operations that show no identity: the provider says it, and no scope of FranceConnect opens it."""
COMPARED = [endpoint for endpoint in ENDPOINTS if endpoint.operation in PUBLISHED]


@pytest.mark.parametrize("endpoint", COMPARED, ids=lambda endpoint: endpoint.operation)
def test_answers_are_true_to_the_published_schema(endpoint: Endpoint) -> None:
    """Whatever is said of anybody is what the published schema allows."""
    schema = as_json_schema(PUBLISHED[endpoint.operation])
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    for person in PERSONS:
        answer = ask(endpoint, parameters_for(endpoint, person))
        assert answer.status == 200 or person is not CLAIRE
        if answer.status == 200:
            body = answer.json()
            if endpoint.operation in WITHOUT_IDENTITY:
                del body["data"]["identite"]
            validator.validate(body)
