"""Build the documentation site from docs/: dist/site, static files for any web server, with nothing from elsewhere.

The pages of docs/ link to files beside that folder, as they are read in the repository too: those files are taken
along, and the links changed. A link that leads nowhere stops the build.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
TARGET: Final = ROOT / "dist" / "site"
_LINK: Final = re.compile(r"(\]\()([^)\s:#]+)((?:#[^)\s]*)?\))")
_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m")
_BESIDE: Final = ("CHANGELOG.md", "SECURITY.md", "bench/README.md")
"""Pages of the site that are not in docs/."""
_FILES: Final = "fichiers"
"""Folder of the site with the files, no pages, that pages link to."""


def build(target: Path) -> None:
    """Build the site into a folder, which it replaces.

    Raises:
        SystemExit: it cannot be built; the reason has been printed.
    """
    with TemporaryDirectory() as place:
        folder = Path(place)
        gather(folder / "source")
        (folder / "mkdocs.yml").write_text(yaml.safe_dump(configuration(), allow_unicode=True, sort_keys=False))
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(folder / "mkdocs.yml")]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(_COLOUR.sub("", f"{done.stdout}{done.stderr}"))
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / "site", target)


def configuration() -> dict[str, Any]:
    """The content of scripts/site.yml, with the pages of the folders that it names."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "scripts" / "site.yml").read_text())
    found["nav"] = [_unfolded(entry) for entry in found["nav"]]
    return found


def _unfolded(entry: dict[str, Any]) -> dict[str, Any]:
    ((title, content),) = entry.items()
    if isinstance(content, list):
        return {title: [_unfolded(each) for each in content]}
    if not content.endswith("/"):
        return entry
    titles = {page.name: _title_of(page) for page in sorted((ROOT / "docs" / content).glob("*.md"))}
    names = sorted(titles, key=lambda name: (name != "README.md", not name[0].isdigit() and titles[name].lower()))
    return {title: [{titles[name]: f"{content}{name}"} for name in names]}


def _title_of(page: Path) -> str:
    return page.read_text().partition("\n")[0].removeprefix("# ")


def gather(source: Path) -> None:
    """Copy docs/ and what its pages link to into a folder."""
    shutil.copytree(ROOT / "docs", source)
    shutil.copy(ROOT / "scripts" / "site.css", source)
    for name in _BESIDE:
        (source / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    for page in source.rglob("*.md"):
        page.write_text(_linked(page, source))


def _linked(page: Path, source: Path) -> str:
    """The text of a page, whose links lead to places within the site."""
    place = page.relative_to(source)
    original = ROOT / (place if place.as_posix() in _BESIDE else "docs" / place)

    def changed(match: re.Match[str]) -> str:
        led = Path(os.path.normpath(original.parent / match[2]))
        found = _place_of(led, source)
        return match[0] if found is None else f"{match[1]}{os.path.relpath(source / found, page.parent)}{match[3]}"

    return _LINK.sub(changed, original.read_text())


def _place_of(led: Path, source: Path) -> Path | None:
    """Where on the site a file of the repository is, which is taken along if need be; None if nothing is there."""
    if not led.exists():
        return None
    place = led.relative_to(ROOT)
    if place.parts[:1] == ("docs",):
        inside = Path(*place.parts[1:])
        return inside / "README.md" if led.is_dir() else inside
    if place.as_posix() == "README.md" or not place.parts:
        return Path("README.md")
    if led.is_dir():
        return place / "README.md" if (place / "README.md").as_posix() in _BESIDE else None
    if place.as_posix() in _BESIDE:
        return place
    kept = source / _FILES / place
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(led, kept)
    return Path(_FILES) / place


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
