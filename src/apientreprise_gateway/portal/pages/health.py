"""Whether the process lives, and whether it can serve pages."""

from fastapi import APIRouter, Request
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from apientreprise_gateway.database.engine import DatabaseError
from apientreprise_gateway.database.migrate import require_migrated
from apientreprise_gateway.portal.services import services

router = APIRouter()


@router.get("/livez")
async def livez() -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """The database answers and has the tables of this version."""
    try:
        require_migrated(services(request).engine)
    except DatabaseError as error:
        return JSONResponse({"status": "unavailable", "reason": str(error)}, 503)
    return JSONResponse({"status": "ok"})


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """What Prometheus reads, unless a port of its own is set for it."""
    ours = services(request)
    if ours.settings.metrics_port is not None:
        return Response(status_code=404)
    return Response(generate_latest(ours.metrics.registry), media_type=CONTENT_TYPE_LATEST)
