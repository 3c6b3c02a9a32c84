import re
import subprocess
import sys
from importlib.resources import files

import pytest
import yaml
from jsonschema import Draft202012Validator

from apientreprise_gateway.providers.entreprise import schemas
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from apientreprise_gateway.providers.schemas import _LOADER


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


def test_schemas_say_nothing_of_meanings() -> None:
    """What masks and the sandbox read has no descriptions and no references."""
    schema = SCHEMAS.of("api_entreprise_v4_insee_etablissements")
    assert not {"description", "$ref"} & set(re.findall(r"\$?\w+", str(schema)))


@pytest.mark.parametrize("folder", [(), ("fields",)])
def test_files_read_the_same_without_libyaml(folder: tuple[str, ...]) -> None:
    """The loader in Python and the one in C, which is not built everywhere, agree."""
    for path in files(schemas).joinpath(*folder).iterdir():
        if not path.name.endswith(".yaml"):
            continue
        text = path.read_text("utf-8")
        assert yaml.safe_load(text) == yaml.load(text, _LOADER)


def test_the_gateway_starts_without_reading_a_schema() -> None:
    """Composing the gateway reads none of the files."""
    program = (
        "import apientreprise_gateway.gateway.app, sys;"
        "module = sys.modules.get('apientreprise_gateway.providers.entreprise.schemas');"
        "assert module is None or module.SCHEMAS._contents == {}"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
