"""French words of the status page: of states, durations and shares."""

from collections.abc import Mapping
from datetime import date, datetime
from math import floor
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.status.availability import Counts
from apientreprise_gateway.status.incidents import Impact, Kind, Progress
from apientreprise_gateway.status.judging import State
from apientreprise_gateway.status.periods import PARIS
from apientreprise_gateway.status.snapshot import Now

NOW: Final[Mapping[Now, str]] = MappingProxyType(
    {
        Now.OPERATIONAL: "fonctionne",
        Now.DEGRADED: "dégradé",
        Now.PARTIAL: "panne partielle",
        Now.MAJOR: "en panne",
        Now.MAINTENANCE: "en maintenance",
        Now.UNKNOWN: "état inconnu",
    }
)
STATES: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.GOOD: "aucune panne",
        State.BAD: "panne",
        State.UNKNOWN: "aucune mesure",
        State.MAINTENANCE: "maintenance annoncée",
    }
)
PROGRESS: Final[Mapping[Progress, str]] = MappingProxyType(
    {
        Progress.INVESTIGATING: "En cours d’analyse",
        Progress.IDENTIFIED: "Cause identifiée",
        Progress.MONITORING: "Sous surveillance",
        Progress.RESOLVED: "Résolu",
        Progress.POSTMORTEM: "Retour d'expérience",
        Progress.SCHEDULED: "Prévue",
        Progress.IN_PROGRESS: "En cours",
        Progress.VERIFYING: "En vérification",
        Progress.COMPLETED: "Terminée",
    }
)
IMPACTS: Final[Mapping[Impact, str]] = MappingProxyType(
    {
        Impact.NONE: "sans effet",
        Impact.MINOR: "effet mineur",
        Impact.MAJOR: "effet majeur",
        Impact.CRITICAL: "effet critique",
    }
)
KINDS: Final[Mapping[Kind, str]] = MappingProxyType({Kind.INCIDENT: "Incident", Kind.MAINTENANCE: "Maintenance"})
_MONTHS: Final = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_THIN: Final = "\u202f"


def percent(share: float | None) -> str:
    """A share in percent with two decimals, never rounded up: what is not whole is not said to be."""
    if share is None:
        return "non mesuré"
    cut = floor(round(share * 10_000, 6)) / 100
    return f"{cut:.2f}".replace(".", ",").removesuffix(",00") + f"{_THIN}%"


def day(value: date) -> str:
    """A day, such as `3 mars 2026`."""
    return f"{'1er' if value.day == 1 else value.day} {_MONTHS[value.month - 1]} {value.year}"


def month(value: date) -> str:
    """A month, such as `mars 2026`."""
    return f"{_MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime) -> str:
    """A moment in French legal time, such as `3 mars 2026 à 14:05`."""
    local = value.astimezone(PARIS)
    return f"{day(local.date())} à {local:%H:%M}"


def duration(seconds: float) -> str:
    """A length of time in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def counted(counts: Counts, seconds: float) -> str:
    """What a period was, in one line."""
    if counts.availability is None:
        return STATES[counts.state]
    said = [f"disponible {percent(counts.availability)} du temps mesuré"]
    if counts.bad:
        said.append(f"en panne {duration(counts.bad * seconds)}")
    if counts.maintenance:
        said.append(f"en maintenance {duration(counts.maintenance * seconds)}")
    return ", ".join(said)
