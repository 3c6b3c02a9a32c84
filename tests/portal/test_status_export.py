"""The status page as static files."""

import os
import re
import time
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

from apientreprise_gateway.portal.statut import exporting
from apientreprise_gateway.portal.statut.exporting import ExportError, export
from apientreprise_gateway.status import feeds, incidents
from apientreprise_gateway.status.availability import Counts
from apientreprise_gateway.status.incidents import Impact, Incident, Progress, Update
from apientreprise_gateway.status.periods import day_of
from apientreprise_gateway.status.snapshot import Now, Shown, Snapshot
from support.programs import environment, run
from support.status import COMPONENTS, SIRENE, START
from support.statuspage import SCHEMAS

URL = "https://portail.test"


def snapshot() -> Snapshot:
    """90 days with a failure, an incident and maintenance."""
    days = {day_of(START) - timedelta(days=back): Counts(good=1430, bad=10 if back == 3 else 0) for back in range(80)}
    shown = tuple(Shown(component, Now.OPERATIONAL, days, min(days)) for component in COMPONENTS)
    update = Update(id="u", state=Progress.INVESTIGATING, body="<b>Nous</b> cherchons.", at=START)
    incident = Incident(
        id="11111111-2222-4333-8444-555555555555",
        kind=incidents.Kind.INCIDENT,
        name="Sirene & <i>lent</i>",
        progress=Progress.INVESTIGATING,
        impact=Impact.MAJOR,
        components=(SIRENE,),
        trouble=None,
        created_at=START,
        updated_at=START,
        started_at=START,
        published_at=START,
        updates=(update,),
    )
    return Snapshot(START, START, 60, shown, (incident,), ())


def tree(folder: Path) -> set[str]:
    """The paths of all files, as a web server finds them."""
    top = folder / "statut"
    return {str(Path(at).relative_to(top) / name) for at, _, names in os.walk(top) for name in names}


def test_links_are_relative_and_lead_to_files(tmp_path: Path) -> None:
    """From each page, without a script, wherever the folder is put."""
    export(snapshot(), tmp_path, public_url=URL)
    files = tree(tmp_path)
    assert files >= {"index.html", "incidents.atom", "api/v2/summary.json", "composants/insee-sirene/badge.svg"}
    pages = [name for name in files if name.endswith(".html")]
    assert len(pages) == len(COMPONENTS) + 2
    for name in pages:
        text = (tmp_path / "statut" / name).read_text()
        assert "<script" not in text
        assert "<form" not in text
        assert "<i>lent" not in text
        for link in re.findall(r'(?:href|src)="([^"#]+)"', text):
            assert not re.match(r"/|\w+:", link), (name, link)
            assert os.path.normpath(Path(name).parent / link) in files, (name, link)


def test_json_tells_of_the_portal(tmp_path: Path) -> None:
    """In the common shape, with its public address."""
    import json

    export(snapshot(), tmp_path, public_url=URL + "/")
    for name, schema in SCHEMAS.items():
        document = json.loads((tmp_path / "statut" / "api" / "v2" / f"{name}.json").read_text())
        jsonschema.validate(document, schema)
        assert document["page"]["url"] == f"{URL}/statut"


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else."""
    export(snapshot(), tmp_path, public_url=URL)
    before = os.readlink(tmp_path / "statut")

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(feeds, "calendar", full)
    with pytest.raises(ExportError, match="No space left"):
        export(snapshot(), tmp_path, public_url=URL)
    assert os.readlink(tmp_path / "statut") == before
    assert {each.name for each in tmp_path.iterdir()} == {"statut", before}
    assert "index.html" in tree(tmp_path)


def test_what_killed_exports_left_is_removed(tmp_path: Path) -> None:
    """Once it is old; one that may go on is left alone."""
    old, new = tmp_path / ".statut-old", tmp_path / ".statut-new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (time.time() - 3600,) * 2)
    export(snapshot(), tmp_path, public_url=URL)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_folder_of_somebody_is_not_replaced(tmp_path: Path) -> None:
    """The command says so."""
    (tmp_path / "statut").mkdir()
    with pytest.raises(ExportError, match="was not made by this command"):
        export(snapshot(), tmp_path, public_url=URL)


def test_the_command(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over each kind of database; without it, the files stay and the command says why."""
    assert environment()
    monkeypatch.setenv("PORTAL_DATABASE_URL", url)
    done = run("portal", "status", "export", str(tmp_path / "www"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "index.html" in tree(tmp_path / "www")
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    done = run("portal", "status", "export", str(tmp_path / "www"))
    assert done.returncode == 2
    assert "PORTAL_DATABASE_URL" in done.stderr
    assert "index.html" in tree(tmp_path / "www")
    assert exporting.NAME == "statut"
