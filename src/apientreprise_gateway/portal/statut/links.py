"""Where the pages and files of the status page are: on the portal, or among static files, relative to each other."""

from dataclasses import dataclass
from typing import Final

ROOT: Final = "/statut"
ATOM: Final = "incidents.atom"
CALENDAR: Final = "maintenances.ics"


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of what the status page links to."""

    root: str = ROOT
    """What all begin with, without a slash at the end."""
    page: str = ""
    """What those of pages end with."""

    @property
    def index(self) -> str:
        """The status page."""
        return self.root + self.page

    def component(self, id_: str) -> str:
        """The page of a component."""
        return f"{self.root}/composants/{id_}{self.page}"

    def badge(self, id_: str) -> str:
        """The badge of a component."""
        return f"{self.root}/composants/{id_}/badge.svg"

    def incident(self, id_: str) -> str:
        """The page of an incident or maintenance."""
        return f"{self.root}/incidents/{id_}{self.page}"

    def file(self, name: str) -> str:
        """A file."""
        return f"{self.root}/{name}"


ON_PORTAL: Final = Links()


def among_files(depth: int) -> Links:
    """Links of a static page that lies so many folders below that of the status page."""
    return Links("/".join([".."] * depth) or ".", "/index.html")
