"""A user's own cases: what they answer, and what is said of files that are wrong."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.sandbox.app import create_app
from apientreprise_gateway.sandbox.cases.case import WrongCaseError, spelt
from apientreprise_gateway.sandbox.cases.folder import MOST_FILES, CaseFolder
from apientreprise_gateway.sandbox.cases.reading import LARGEST, MOST_CASES, read_cases
from unit.sandbox.calling import Answer, get

OPERATION = "api_particulier_v3_dsnj_service_national_with_civility"
PATH = "/v3/dsnj/service_national/identite?nomNaissance=ZOLA&prenoms%5B%5D=JEAN&prenoms%5B%5D=LUC&moisDateNaissance=4"
NAMES = {OPERATION: frozenset({"nomNaissance", "prenoms[]", "moisDateNaissance"})}
GOOD = f"""\
- operation: {OPERATION}
  parameters: {{nomNaissance: Zola}}
  status: 200
  body: {{data: {{statut_service_national: en_regle, commentaires: null}}, links: {{}}, meta: {{}}}}
"""
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "cases"


@pytest.fixture
def told() -> list[str]:
    """The lines that were told."""
    return []


@pytest.fixture
def ask(tmp_path: Path, told: list[str]) -> Callable[[str], Answer]:
    """Ask a sandbox that has the cases of a folder."""
    folder = CaseFolder(tmp_path, PRODUCTS, tell=told.append)
    app = create_app(products=PRODUCTS, cases=folder)
    return lambda path: get(app, path)


def test_a_case_is_answered(tmp_path: Path, ask: Callable[[str], Answer]) -> None:
    """A call with the parameters of a case gets its status and body, in whatever case; others do not."""
    (tmp_path / "a.yaml").write_text(GOOD)
    answer = ask(PATH)
    assert (answer.status, answer.json()["data"]["statut_service_national"]) == (200, "en_regle")
    assert ask(PATH.replace("ZOLA", "BALZAC")).status == 404


@pytest.mark.parametrize(
    ("parameters", "fits"),
    [
        ("{}", True),
        ("{nomNaissance: ZOLA, moisDateNaissance: 04}", True),
        ("{prenoms: [Jean, Luc]}", True),
        ("{prenoms[]: [Luc, Jean]}", False),
        ("{prenoms: Jean}", False),
        ("{moisDateNaissance: 5}", False),
        ("{jourDateNaissance: 5}", False),
    ],
)
def test_what_a_call_fits(tmp_path: Path, ask: Callable[[str], Answer], parameters: str, fits: bool) -> None:
    """Every parameter of the case has to be there, an array with all of its values in their order."""
    (tmp_path / "a.yaml").write_text(f"operation: {OPERATION}\nparameters: {parameters}\nstatus: 451\n")
    assert ask(PATH).status == (451 if fits else 404)


def test_files_are_read_again(tmp_path: Path, ask: Callable[[str], Answer], told: list[str]) -> None:
    """A change is answered at once; a wrong one is told once, with its line, and what was before it stays."""
    file = tmp_path / "a.yaml"
    file.write_text(GOOD)
    assert ask(PATH).status == 200
    file.write_text(GOOD.replace("status: 200", "status: deux cents"))
    assert [ask(PATH).status for _ in range(3)] == [200, 200, 200]
    assert told[1:] == [f"{file}:3: status is a whole number from 200 to 599 (its 1 cases before it stay)"]
    file.write_text(GOOD.replace("status: 200", "status: 451"))
    assert ask(PATH).status == 451
    file.unlink()
    assert ask(PATH).status == 404


def test_a_wrong_file_does_not_stop_the_others(tmp_path: Path, ask: Callable[[str], Answer], told: list[str]) -> None:
    """The cases of other files are read, in the order of names; the first that fits is the answer."""
    (tmp_path / "a.yaml").write_text("- [")
    (tmp_path / "b.yml").write_text(GOOD)
    (tmp_path / "c.yaml").write_text(GOOD.replace("200", "451"))
    (tmp_path / "d.txt").write_text("- [")
    (tmp_path / ".e.yaml").write_text("- [")
    assert ask(PATH).status == 200
    assert len(told) == 3
    assert told[0].startswith(f"{tmp_path / 'a.yaml'}:1: this is no YAML")


def test_a_folder_that_goes_away(tmp_path: Path, told: list[str]) -> None:
    """The cases that were read stay, and one line says why no others are."""
    folder = tmp_path / "cases"
    folder.mkdir()
    (folder / "a.yaml").write_text(GOOD)
    cases = CaseFolder(folder, PRODUCTS, tell=told.append)
    app = create_app(products=PRODUCTS, cases=cases)
    assert get(app, PATH).status == 200
    folder.rename(tmp_path / "elsewhere")
    assert [get(app, PATH).status for _ in range(2)] == [200, 200]
    assert told[1:] == [f"{folder}: cannot be read (No such file or directory)"]


def test_what_is_no_file(tmp_path: Path, ask: Callable[[str], Answer], told: list[str]) -> None:
    """Links in a circle, pipes, folders and devices are told of, and are not waited for."""
    (tmp_path / "a.yaml").symlink_to(tmp_path / "b.yaml")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")
    os.mkfifo(tmp_path / "c.yaml")
    (tmp_path / "d.yaml").mkdir()
    (tmp_path / "e.yaml").symlink_to("/dev/zero")
    (tmp_path / "f.yaml").symlink_to(tmp_path / "nothing")
    assert ask(PATH).status == 404
    assert ask(PATH).status == 404
    assert [line.partition(": ")[0][-6:-5] for line in told] == ["a", "b", "c", "d", "e", "f"]
    assert all("cannot be read (" in line for line in told)


def test_bounds_of_a_folder(tmp_path: Path, ask: Callable[[str], Answer], told: list[str]) -> None:
    """Files are bounded in number and in size."""
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number:04}.yaml").write_text("")
    (tmp_path / "0000.yaml").write_bytes(b"#" * (LARGEST + 1))
    assert ask(PATH).status == 404
    assert f"{tmp_path}: more than {MOST_FILES} files; the others are not read" in told
    assert f"{tmp_path / '0000.yaml'}:1: the file is larger than {LARGEST} bytes" in told


_LEVELS = 200_000
_WRONG = {
    "operation: x\nstatus: 200": (1, "no operation"),
    f"operation: {OPERATION[:-1]}\nstatus: 200": (1, "did you mean"),
    f"\n- operation: {OPERATION}": (2, "status is missing"),
    "status: 200": (1, "operation is missing"),
    f"operation: {OPERATION}\nstatus: 99": (2, "from 200 to 599"),
    f"operation: {OPERATION}\nstatus: 2e2": (2, "from 200 to 599"),
    f"operation: {OPERATION}\nstatus: [200]": (2, "text or a number"),
    f"operation: {OPERATION}\nstatus: 200\nstatut: 200": (3, "is none of"),
    f"operation: {OPERATION}\nstatus: 200\nstatus: 404": (3, "there twice"),
    f"operation: {OPERATION}\nstatus: 200\nbody: oui": (3, "body is an object"),
    f"operation: {OPERATION}\nstatus: 200\nbody: 12": (3, "body is an object"),
    f"operation: {OPERATION}\nstatus: 200\nbody: {{\n a: 1,\n a: 2}}": (5, "there twice"),
    f"operation: {OPERATION}\nstatus: 200\nparameters: [1]": (3, "names with values"),
    f"operation: {OPERATION}\nstatus: 200\nparameters:\n  nomNaisance: Z": (4, "did you mean nomNaissance"),
    f"operation: {OPERATION}\nstatus: 200\nparameters:\n  nomNaissance: [A, B]": (4, "one value"),
    f"operation: {OPERATION}\nstatus: 200\nparameters:\n  nomNaissance: {{}}": (4, "text or a number"),
    f"operation: {OPERATION}\nstatus: !!python/object:os.system 200": (2, "tags"),
    f"operation: {OPERATION}\nstatus: 200\nbody: !!set {{a}}": (3, "tags"),
    "a: &a [x]\nb: *a": (2, "aliases"),
    "- a\n---\n- b": (2, "second document"),
    "- a\n- @b": (2, "no YAML"),
    "- a\n-\tb: [": (2, "no YAML"),
    "- a\n- b\x07": (2, "no YAML"),
    "texte": (1, "a case has"),
    "[" * _LEVELS: (1, "levels deep"),
    "- " * 100: (1, "levels deep"),
    "- x\n" * (MOST_CASES + 1): (MOST_CASES + 1, "more than"),
}


@pytest.mark.parametrize("text", _WRONG, ids=lambda text: repr(text[:60]))
def test_what_is_wrong_is_said_with_its_line(text: str) -> None:
    """Each kind of mistake names its line and what would be right."""
    line, why = _WRONG[text]
    with pytest.raises(WrongCaseError, match=why) as found:
        read_cases(text.encode(), NAMES)
    assert found.value.line == line


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [(b"a: 1\nb: \xff", 2, "not in UTF-8"), (b"a: 1\n\nb: \x00", 3, "binary"), (b"\x1f\x8b\x08\x00", 1, "UTF-8")],
)
def test_bytes_that_are_no_text(content: bytes, line: int, why: str) -> None:
    """A binary file, or one in another encoding, is said to be one."""
    with pytest.raises(WrongCaseError, match=why) as found:
        read_cases(content, NAMES)
    assert found.value.line == line


def test_values_are_what_is_written() -> None:
    """A number with a leading zero, a date and a `no` stay texts, in parameters and bodies alike."""
    text = (
        f"operation: {OPERATION}\nstatus: 200\nbody: {{a: 01000, b: 2008-04-23, c: no, d: 12, e: 1.5, f: true, g: ~}}"
    )
    (case,) = read_cases(f"{text}\nparameters: {{nomNaissance: no}}".encode(), NAMES)
    assert case.body == b'{"a":"01000","b":"2008-04-23","c":"no","d":12,"e":1.5,"f":true,"g":null}'
    assert case.parameters == {"nomNaissance": ("no",)}
    assert read_cases(b"", NAMES) == read_cases(b"# rien", NAMES) == ()


@given(st.text(alphabet="-:[]{}&*!|>'\"%@`#,? \n\tab\0\x85\ud7ff1", max_size=60))
def test_any_text_is_cases_or_wrong(text: str) -> None:
    """Nothing that a file holds breaks the reading."""
    try:
        assert isinstance(read_cases(text.encode(), NAMES), tuple)
    except WrongCaseError as wrong:
        assert 1 <= wrong.line <= text.count("\n") + text.count("\x85") + 2  # noqa: PT017 - either is right


def test_one_spelling() -> None:
    """Case, blanks, composition of accents and the zeros of months do not matter."""
    assert spelt("  Gaëlle  Le Goff ") == spelt("gae\u0308lle le goff")
    assert spelt("04") == spelt("4") != spelt("004")


def test_the_example_is_right(told: list[str]) -> None:
    """The example's file is read without a complaint, and its cases are answered."""
    app = create_app(products=PRODUCTS, cases=CaseFolder(EXAMPLE, PRODUCTS, tell=told.append))
    call = "nomNaissance=DELATTRE&prenoms%5B%5D=Jeanne&prenoms%5B%5D=Louise&anneeDateNaissance=1994"
    data = get(app, f"/v3/dss/quotient_familial/identite?{call}").json()["data"]
    assert data["adresse"]["code_postal_ville"] == "01000 BOURG-EN-BRESSE"
    assert data["allocataires"][0]["date_naissance"] == "1994-02-11"
    assert get(app, "/v3/france_travail/statut/identifiant?identifiant=delattre_1994").status == 404
    assert get(app, "/api/v2/etudiants?ine=5678901234M").json()["inscriptions"] == []
    assert get(app, "/v4/urssaf/unites_legales/130025265/attestation_vigilance").status == 503
    assert told == [f"{EXAMPLE / 'cas.yaml'}: cases read: 4"]
