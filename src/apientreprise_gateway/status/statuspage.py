"""The status as JSON in the common shape, that of Statuspage's API v2, which many programs read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from apientreprise_gateway.status.incidents import Impact, Incident, Progress, Update
from apientreprise_gateway.status.periods import PARIS
from apientreprise_gateway.status.snapshot import Now, Shown, Snapshot

Json = dict[str, Any]
PAGE: Final = "apientreprise-gateway"
"""The id of the page."""
_DESCRIPTIONS: Final = {
    Impact.NONE: "Tous les services fonctionnent",
    Impact.MINOR: "Perturbation mineure",
    Impact.MAJOR: "Perturbation majeure",
    Impact.CRITICAL: "Panne",
}


def summary(snapshot: Snapshot, base: str) -> Json:
    """All of it: what `summary.json` holds.

    Args:
        snapshot: what is told.
        base: the address of the status page, without a slash at the end.
    """
    return {
        **status(snapshot, base),
        "components": _components(snapshot),
        "incidents": [_incident(snapshot, each, base) for each in snapshot.open_incidents],
        "scheduled_maintenances": [_incident(snapshot, each, base) for each in snapshot.coming],
    }


def status(snapshot: Snapshot, base: str) -> Json:
    """What `status.json` holds."""
    indicator, description = overall(snapshot)
    return {"page": _page(snapshot, base), "status": {"indicator": indicator, "description": description}}


def components(snapshot: Snapshot, base: str) -> Json:
    """What `components.json` holds."""
    return {"page": _page(snapshot, base), "components": _components(snapshot)}


Choice = Callable[[Snapshot], Iterable[Incident]]


def incidents(snapshot: Snapshot, base: str, *, chosen: Choice = lambda snapshot: snapshot.incidents) -> Json:
    """What `incidents.json` holds."""
    listed = [_incident(snapshot, each, base) for each in chosen(snapshot)]
    return {"page": _page(snapshot, base), "incidents": listed}


def scheduled_maintenances(
    snapshot: Snapshot, base: str, *, chosen: Choice = lambda snapshot: snapshot.maintenances
) -> Json:
    """What `scheduled-maintenances.json` holds."""
    listed = [_incident(snapshot, each, base) for each in chosen(snapshot)]
    return {"page": _page(snapshot, base), "scheduled_maintenances": listed}


def _in(progress: Progress) -> Choice:
    return lambda snapshot: [each for each in snapshot.coming if each.progress is progress]


DOCUMENTS: Final[Mapping[str, Callable[[Snapshot, str], Json]]] = MappingProxyType(
    {
        "summary": summary,
        "status": status,
        "components": components,
        "incidents": incidents,
        "incidents/unresolved": partial(incidents, chosen=lambda snapshot: snapshot.open_incidents),
        "scheduled-maintenances": scheduled_maintenances,
        "scheduled-maintenances/upcoming": partial(scheduled_maintenances, chosen=_in(Progress.SCHEDULED)),
        "scheduled-maintenances/active": partial(scheduled_maintenances, chosen=_in(Progress.IN_PROGRESS)),
    }
)
"""What each file is made with."""


def overall(snapshot: Snapshot) -> tuple[str, str]:
    """The indicator of all together, and its words."""
    if snapshot.impact is Impact.NONE:
        if any(shown.now is Now.MAINTENANCE for shown in snapshot.own):
            return "maintenance", "Maintenance en cours"
        if all(shown.now is Now.UNKNOWN for shown in snapshot.own):
            return Impact.NONE.value, "État inconnu : aucune mesure récente"
    return snapshot.impact.value, _DESCRIPTIONS[snapshot.impact]


def _page(snapshot: Snapshot, base: str) -> Json:
    return {
        "id": PAGE,
        "name": "API Entreprise et API Particulier",
        "url": base,
        "time_zone": PARIS.key,
        "updated_at": _instant(snapshot.at),
    }


def _components(snapshot: Snapshot) -> list[Json]:
    """Each component; those of a provider follow the group of its name."""
    found = [_component(snapshot, shown, group=None) for shown in snapshot.own]
    for name, sources in snapshot.groups().items():
        group = f"groupe-{sources[0].component.provider}"
        found.append(_group(snapshot, group, name, sources))
        found += [_component(snapshot, shown, group=group) for shown in sources]
    return [{**each, "position": place} for place, each in enumerate(found, 1)]


def _component(snapshot: Snapshot, shown: Shown, *, group: str | None) -> Json:
    unknown = " Aucune mesure récente." if shown.now is Now.UNKNOWN else ""
    return {
        **_common(snapshot, shown),
        "id": shown.component.id,
        "name": shown.component.name,
        "status": _known(shown.now).value,
        "description": shown.component.description + unknown,
        "group_id": group,
        "group": False,
    }


def _group(snapshot: Snapshot, id_: str, name: str, sources: Sequence[Shown]) -> Json:
    worst = max((_known(shown.now) for shown in sources), key=_BY_WEIGHT.index)
    return {
        **_common(snapshot, min(sources, key=lambda shown: shown.since or snapshot.today)),
        "id": id_,
        "name": name,
        "status": worst.value,
        "description": None,
        "group_id": None,
        "group": True,
        "components": [shown.component.id for shown in sources],
    }


_BY_WEIGHT: Final = (Now.OPERATIONAL, Now.MAINTENANCE, Now.DEGRADED, Now.PARTIAL, Now.MAJOR)


def _known(now: Now) -> Now:
    """The shape has no word for what is not known; the description says it."""
    return Now.OPERATIONAL if now is Now.UNKNOWN else now


def _common(snapshot: Snapshot, shown: Shown) -> Json:
    begin = datetime.combine(shown.since or snapshot.today, datetime.min.time(), PARIS)
    return {
        "created_at": _instant(begin),
        "updated_at": _instant(snapshot.measured_at or snapshot.at),
        "position": 0,
        "showcase": shown.component.group is None,
        "start_date": None if shown.since is None else shown.since.isoformat(),
        "page_id": PAGE,
        "only_show_if_degraded": False,
    }


def _incident(snapshot: Snapshot, incident: Incident, base: str) -> Json:
    known = [shown for id_ in incident.components if (shown := snapshot.component(id_)) is not None]
    said: Json = {
        "id": incident.id,
        "name": incident.name,
        "status": incident.progress.value,
        "impact": incident.impact.value,
        "created_at": _instant(incident.published_at or incident.created_at),
        "updated_at": _instant(incident.updated_at),
        "monitoring_at": _instant(incident.monitoring_at),
        "resolved_at": _instant(incident.resolved_at),
        "started_at": _instant(incident.started_at),
        "shortlink": f"{base}/incidents/{incident.id}",
        "page_id": PAGE,
        "incident_updates": [_update(incident, each) for each in incident.updates],
        "components": [_component(snapshot, shown, group=_group_of(shown)) for shown in known],
    }
    if incident.scheduled_for is not None:
        said |= {
            "scheduled_for": _instant(incident.scheduled_for),
            "scheduled_until": _instant(incident.scheduled_until),
        }
    return said


def _group_of(shown: Shown) -> str | None:
    return None if shown.component.provider is None else f"groupe-{shown.component.provider}"


def _update(incident: Incident, update: Update) -> Json:
    at = _instant(update.at)
    return {
        "id": update.id,
        "status": update.state.value,
        "body": update.body,
        "incident_id": incident.id,
        "created_at": at,
        "updated_at": at,
        "display_at": at,
    }


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(PARIS).isoformat(timespec="milliseconds")
