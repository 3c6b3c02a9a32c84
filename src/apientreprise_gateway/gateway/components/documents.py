"""Makes the document service, and the application that serves downloads."""

from dataclasses import dataclass
from functools import partial
from typing import Self

from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.downloads import Serving
from apientreprise_gateway.dataplane.refusals import Refusals
from apientreprise_gateway.documents.service import DocumentService
from apientreprise_gateway.gateway import gauges
from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.lifecycle import Component, inherited
from apientreprise_gateway.gateway.settings import Settings, SettingsError, environment_name
from apientreprise_gateway.observability.access_log import AccessLog
from apientreprise_gateway.observability.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSettings:
    """The settings that the document service depends on."""

    place: str | None
    seconds: int
    max_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Select them from all settings."""
        return cls(place=settings.documents, seconds=settings.document_seconds, max_bytes=settings.document_max_bytes)


DocumentComponent = Component[DocumentSettings, DocumentService]


def document_component(context: Context, *, former: DocumentComponent | None) -> DocumentComponent:
    """The component of the document service, which a reload keeps."""

    def make(own: DocumentSettings) -> DocumentComponent:
        part = document_service(own, metrics=context.metrics)
        return Component(
            name="documents",
            part=part,
            made_of=own,
            start=partial(context.background.attempt, "documents", part.start),
            background={"documents": part.watch, "document_work": partial(gauges.work, context.metrics, part)},
            close=part.close,
        )

    return inherited(former, DocumentSettings.of(context.settings), make)


def document_service(settings: DocumentSettings, *, metrics: Metrics | None = None) -> DocumentService:
    """The document service.

    Raises:
        SettingsError: the folder or the bucket cannot be used.
    """
    try:
        return DocumentService(
            place=settings.place,
            seconds=settings.seconds,
            max_bytes=settings.max_bytes,
            metrics=metrics or Metrics(),
        )
    except OSError as error:
        raise SettingsError(
            f"{environment_name('documents')}: {error.filename}: {error.strerror}. Name a folder that does not exist "
            "yet, or one of this user's that nobody else may enter (chmod 700)."
        ) from error
    except ValueError as error:
        raise SettingsError(f"{environment_name('documents')}: {error}. Correct the AWS_… variables.") from error


def downloads(
    documents: DocumentService, *, admission: Admission, refusals: Refusals, metrics: Metrics, access_log: AccessLog
) -> Serving:
    """The ASGI application that answers links to documents."""
    return Serving(
        documents.store,
        seals=documents.seals,
        downloads=documents.downloads,
        longest=documents.seconds,
        admission=admission,
        refusals=refusals,
        metrics=metrics,
        access_log=access_log,
    )
