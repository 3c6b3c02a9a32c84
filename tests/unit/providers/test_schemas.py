import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from apientreprise_gateway.contract.notation import Schema
from apientreprise_gateway.providers.entreprise import schemas
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from apientreprise_gateway.providers.schemas import _LOADER, Schemas


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


def test_shapes_are_described_once(tmp_path: Path) -> None:
    """A shape stands under its own name, with what it means; a field of it says what it is there."""
    (tmp_path / "greffe.yaml").write_text(
        "shapes: {pays: &pays {code: string}}\nop:\n  description: Kbis\n  data: {pays: *pays, naissance: *pays}\n"
    )
    (tmp_path / "fields").mkdir()
    (tmp_path / "fields" / "greffe.yaml").write_text("naissance: Où.\npays.code: Deux lettres.\n")
    (tmp_path / "fields" / "common.yaml").write_text("pays: Un pays.\ncode: Un code.\n")
    shapes: dict[str, Schema] = {}

    def refer(name: str, schema: Schema) -> Schema:
        shapes[name] = schema
        return {"$ref": name}

    described = Schemas(tmp_path).described("op", refer)
    assert described["description"] == "Kbis"
    assert described["properties"]["data"]["properties"] == {
        "pays": {"description": "Un pays.", "$ref": "greffe_pays"},
        "naissance": {"description": "Où.", "$ref": "greffe_pays"},
    }
    assert shapes["greffe_pays"]["description"] == "Un pays."
    assert shapes["greffe_pays"]["properties"] == {"code": {"description": "Deux lettres.", "type": "string"}}


def test_meanings_need_not_be_noted(tmp_path: Path) -> None:
    """A product without meanings has its schemas all the same."""
    (tmp_path / "greffe.yaml").write_text("op:\n  description: Kbis\n  body: {siren: string}\n")
    described = Schemas(tmp_path).described("op", lambda name, _: {"$ref": name})
    assert described["properties"] == {"siren": {"type": "string"}}


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
