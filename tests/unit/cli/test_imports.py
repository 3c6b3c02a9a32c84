"""What a command imports before it is known which one runs."""

import subprocess
import sys

import pytest

OURS = {"cli", "process"}
"""The rooms that the parser of the command line may import."""
SLOW = (
    "asyncio",
    "cryptography",
    "fastapi",
    "httpx",
    "jwt",
    "orjson",
    "pydantic",
    "redis",
    "structlog",
    "uvicorn",
    "uvloop",
)


def _imported(code: str) -> set[str]:
    """The modules that some code imports, in an interpreter of its own."""
    show = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_parser_imports_no_room_that_it_only_may_need() -> None:
    """`--help` answers at once: building the parser imports neither the gateway nor a library."""
    imported = _imported("from apientreprise_gateway.cli.main import make_parser\nmake_parser()")
    rooms = {name.split(".")[1] for name in imported if name.startswith("apientreprise_gateway.")}
    assert rooms == OURS
    assert not imported & set(SLOW)


@pytest.mark.parametrize("arguments", [["token", "issue", "--scope", "a", "--subject", "s"], ["serve"], ["check"]])
def test_reading_arguments_imports_nothing_more(arguments: list[str]) -> None:
    """Ordinary arguments are read without the sandbox, the gateway or a library."""
    code = f"from apientreprise_gateway.cli.main import make_parser\nmake_parser().parse_args({arguments})"
    assert not _imported(code) & {*SLOW, "apientreprise_gateway.gateway", "apientreprise_gateway.sandbox"}
