"""The cases of a folder, and what becomes of them when files change."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from apientreprise_gateway.config.watched import WatchedFile
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.sandbox.cases.case import Case, Values, WrongCaseError
from apientreprise_gateway.sandbox.cases.reading import LARGEST, Names, read_cases

MOST_FILES: Final = 200
"""Files that are read of a folder, in the order of their names."""
_ENDINGS: Final = frozenset({".yaml", ".yml"})


class _File:
    """A file of cases: what was read of it last, and what was last wrong with it."""

    def __init__(self, path: Path) -> None:
        self.cases: tuple[Case, ...] = ()
        self.path = path
        self._watched = WatchedFile(path)
        self._refused: bytes | None = None
        self._told = ""

    def look(self, names: Names) -> tuple[bool, str]:
        """Read it again if it has changed.

        Returns:
            Whether there are other cases than before, and a line to tell; empty if there is none.
        """
        try:
            if self.path.stat().st_size > LARGEST:
                raise WrongCaseError(f"the file is larger than {LARGEST} bytes")
            content = self._watched.changed()
            if content is None:
                self._refused, self._told = None, ""
                return False, ""
            if content == self._refused:
                return False, ""
            self._refused = content
            cases = read_cases(content, names)
        except WrongCaseError as error:
            return False, self._once(f"{self.path}:{error.line}: {error}")
        except OSError as error:
            return False, self._once(f"{self.path}: cannot be read ({error.strerror or error})")
        self._watched.accept()
        self._refused, self.cases, self._told = None, cases, ""
        return True, f"{self.path}: cases read: {len(cases)}"

    def _once(self, line: str) -> str:
        """A line about what is wrong, if it is not what was told last."""
        kept = f" (its {len(self.cases)} cases before it stay)" if self.cases else ""
        told, self._told = self._told, line
        return "" if told == line else line + kept


class CaseFolder:
    """The cases of a folder of YAML files."""

    def __init__(self, folder: Path, products: Iterable[Product], *, tell: Callable[[str], None]) -> None:
        """Read nothing yet.

        Args:
            folder: holds the files.
            products: the products that the cases may be about.
            tell: takes a line about what was read, or is wrong.
        """
        self._folder = folder
        self._names = _names_of(products)
        self._tell = tell
        self._files: dict[Path, _File] = {}
        self._cases: dict[str, list[Case]] = {}
        self._told = ""

    def look(self) -> None:
        """Read again what has changed; a file that is wrong is told of once, and what was read before stays."""
        try:
            paths = sorted(path for path in self._folder.iterdir() if _is_of_cases(path))
        except OSError as error:
            self._tell_once(f"{self._folder}: cannot be read ({error.strerror or error})")
            return
        over = f"{self._folder}: more than {MOST_FILES} files; the others are not read"
        self._tell_once(over if len(paths) > MOST_FILES else "")
        files = {path: self._files.get(path) or _File(path) for path in paths[:MOST_FILES]}
        changed = files.keys() != self._files.keys()
        self._files = files
        for file in files.values():
            others, line = file.look(self._names)
            changed = changed or others
            if line:
                self._tell(line)
        if changed:
            self._cases = {}
            for file in files.values():
                for case in file.cases:
                    self._cases.setdefault(case.operation, []).append(case)

    def find(self, endpoint: Endpoint, values: Values) -> Case | None:
        """The first case that a call fits, by the names of files, then in their order."""
        return next((case for case in self._cases.get(endpoint.operation, ()) if case.fits(values)), None)

    def names_of(self, endpoint: Endpoint) -> frozenset[str]:
        """The parameters that a case of an endpoint may have."""
        return self._names[endpoint.operation]

    def _tell_once(self, line: str) -> None:
        told, self._told = self._told, line
        if line and line != told:
            self._tell(line)


def _is_of_cases(path: Path) -> bool:
    return path.suffix in _ENDINGS and not path.name.startswith(".")


def _names_of(products: Iterable[Product]) -> Names:
    """What each operation may be asked with: FranceConnect says what other operations are told."""
    names: dict[str, frozenset[str]] = {}
    for product in products:
        endpoints = tuple(product.endpoints)
        of_persons = frozenset(each.name for end in endpoints if end.person for each in end.person.parameters)
        for endpoint in endpoints:
            own = {each.name for each in (*endpoint.parameters, *endpoint.query)}
            about = () if endpoint.person is None else (each.name for each in endpoint.person.parameters)
            by_token = of_persons if endpoint.person and endpoint.person.france_connect else frozenset()
            names[endpoint.operation] = frozenset({*own, *about, *by_token})
    return names
