"""JSON Schemas of the common shape of status pages, written from its published fields."""

from typing import Any

Schema = dict[str, Any]


def _object(optional: tuple[str, ...] = (), **fields: Schema) -> Schema:
    required = [name for name in fields if name not in optional]
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _or_null(of: Schema) -> Schema:
    return {"anyOf": [of, {"type": "null"}]}


def _one_of(*words: str) -> Schema:
    return {"enum": list(words)}


_TEXT: Schema = {"type": "string", "minLength": 1}
_FLAG: Schema = {"type": "boolean"}
_MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$"}
_DAY: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
_PAGE = _object(id=_TEXT, name=_TEXT, url=_TEXT, time_zone=_TEXT, updated_at=_MOMENT)
_STATUS = _object(indicator=_one_of("none", "minor", "major", "critical", "maintenance"), description=_TEXT)
_COMPONENT = _object(
    ("components",),
    id=_TEXT,
    name=_TEXT,
    status=_one_of("operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance"),
    created_at=_MOMENT,
    updated_at=_MOMENT,
    position={"type": "integer", "minimum": 0},
    description=_or_null(_TEXT),
    showcase=_FLAG,
    start_date=_or_null(_DAY),
    group_id=_or_null(_TEXT),
    page_id=_TEXT,
    group=_FLAG,
    only_show_if_degraded=_FLAG,
    components=_list(_TEXT),
)
_OF_INCIDENTS = ("investigating", "identified", "monitoring", "resolved", "postmortem")
_OF_MAINTENANCE = ("scheduled", "in_progress", "verifying", "completed")


def _incident(*states: str) -> Schema:
    update = _object(
        id=_TEXT,
        status=_one_of(*states),
        body=_TEXT,
        incident_id=_TEXT,
        created_at=_MOMENT,
        updated_at=_MOMENT,
        display_at=_MOMENT,
    )
    return _object(
        id=_TEXT,
        name=_TEXT,
        status=_one_of(*states),
        impact=_one_of("none", "minor", "major", "critical"),
        created_at=_MOMENT,
        updated_at=_MOMENT,
        monitoring_at=_or_null(_MOMENT),
        resolved_at=_or_null(_MOMENT),
        started_at=_MOMENT,
        shortlink=_TEXT,
        page_id=_TEXT,
        incident_updates=_list(update),
        components=_list(_COMPONENT),
    )


_INCIDENT = _incident(*_OF_INCIDENTS)
_MAINTENANCE = _incident(*_OF_MAINTENANCE)
for _name in ("scheduled_for", "scheduled_until"):
    _MAINTENANCE["properties"][_name] = _MOMENT
    _MAINTENANCE["required"].append(_name)
_INCIDENTS, _MAINTENANCES = _list(_INCIDENT), _list(_MAINTENANCE)
SCHEMAS = {
    "summary": _object(
        page=_PAGE,
        status=_STATUS,
        components=_list(_COMPONENT),
        incidents=_INCIDENTS,
        scheduled_maintenances=_MAINTENANCES,
    ),
    "status": _object(page=_PAGE, status=_STATUS),
    "components": _object(page=_PAGE, components=_list(_COMPONENT)),
    "incidents": _object(page=_PAGE, incidents=_INCIDENTS),
    "incidents/unresolved": _object(page=_PAGE, incidents=_INCIDENTS),
    **{
        name: _object(page=_PAGE, scheduled_maintenances=_MAINTENANCES)
        for name in (*("scheduled-maintenances", "scheduled-maintenances/upcoming", "scheduled-maintenances/active"),)
    },
}
"""By the name of the document."""
