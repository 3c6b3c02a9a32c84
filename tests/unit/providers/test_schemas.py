import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from apientreprise_gateway.providers.entreprise import schemas
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from apientreprise_gateway.providers.schemas import _LOADER


def names_of(node: Any) -> Iterator[str]:
    """The names of every field of a schema."""
    if isinstance(node, dict):
        yield from node.get("properties", {})
        for value in node.values():
            yield from names_of(value)


def test_there_is_one_schema_per_operation() -> None:
    """Every operation of the catalogue has its entry, once, and nothing else has one."""
    assert sorted(SCHEMAS.operations) == sorted(
        endpoint.operation for provider in PROVIDERS for endpoint in provider.endpoints
    )


@pytest.mark.parametrize("operation", SCHEMAS.operations)
def test_schemas_are_valid(operation: str) -> None:
    """Each is a JSON Schema, with an envelope unless it is of v2."""
    schema = SCHEMAS.of(operation)
    Draft202012Validator.check_schema(schema)
    assert ("links" in schema.get("properties", {})) is not operation.startswith("api_entreprise_v2")


def test_an_unknown_operation_has_no_schema() -> None:
    """A misspelt name is an error."""
    with pytest.raises(KeyError, match="nulle_part"):
        SCHEMAS.of("nulle_part")


@pytest.mark.parametrize("operation", SCHEMAS.operations)
def test_descriptions_are_one_short_line(operation: str) -> None:
    """Each operation says in a line what it answers."""
    assert re.fullmatch(r"[A-ZÉL].{15,110}[^.\s]", SCHEMAS.descriptions[operation])


def test_field_descriptions_are_of_fields() -> None:
    """Every described field exists, and is described in the schemas."""
    described = yaml.safe_load(files(schemas).joinpath("fields.yaml").read_text("utf-8"))
    assert set(described) <= {name for operation in SCHEMAS.operations for name in names_of(SCHEMAS.of(operation))}
    field = SCHEMAS.of("api_entreprise_v3_dgddi_eori")["properties"]["data"]["properties"]["actif"]
    assert "description" not in field
    expiry = SCHEMAS.of("api_entreprise_v3_acoss_attestations_sociales")["properties"]["data"]["properties"][
        "expires_in"
    ]
    assert expiry["description"] == described["expires_in"]


@pytest.mark.parametrize("name", sorted(path.name for path in files(schemas).iterdir() if path.name.endswith(".yaml")))
def test_files_read_the_same_without_libyaml(name: str) -> None:
    """The loader in Python and the one in C, which is not built everywhere, agree."""
    text = files(schemas).joinpath(name).read_text("utf-8")
    assert yaml.safe_load(text) == yaml.load(text, _LOADER)


def test_the_gateway_starts_without_reading_a_schema() -> None:
    """Composing the gateway reads none of the files."""
    program = (
        "import apientreprise_gateway.gateway.app, sys;"
        "module = sys.modules.get('apientreprise_gateway.providers.entreprise.schemas');"
        "assert module is None or module.SCHEMAS._contents == {}"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
