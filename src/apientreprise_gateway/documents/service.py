"""The document service: puts store, intake, seals, downloads and removal together."""

from pathlib import Path

import structlog

from apientreprise_gateway.config.private import default_folder
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.documents.downloads import Downloads
from apientreprise_gateway.documents.expiry import ExpirySweeper
from apientreprise_gateway.documents.intake import DocumentIntake, Workshop
from apientreprise_gateway.documents.local import LocalStore
from apientreprise_gateway.documents.s3 import SCHEME, S3Documents
from apientreprise_gateway.documents.seal import Seals
from apientreprise_gateway.documents.source import DocumentTranslation
from apientreprise_gateway.documents.store import DocumentStore, NullStore, StoreError
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.upstream.source import Observe, Source
from apientreprise_gateway.upstream.spool import Spool
from apientreprise_gateway.upstream.upstream import ProviderSource, Upstream

_log = structlog.get_logger(__name__)


class DocumentService:
    """Owns all parts that keep documents, and makes the sources that fill them."""

    def __init__(self, *, place: str | None, seconds: int, max_bytes: int, metrics: Metrics) -> None:
        """Open the store; nothing is sent yet.

        Args:
            place: a folder, or `s3://bucket/prefix`; a folder of this user's by default.
            seconds: seconds that documents are kept.
            max_bytes: bytes that a document may have.
            metrics: where documents are counted.

        Raises:
            OSError: the folder cannot be used.
            ValueError: the settings of the bucket cannot be used.
        """
        self._metrics = metrics
        self.seconds = seconds
        self.store, folder = _open(place)
        self._spool = Spool(folder)
        self._workshop = Workshop()

        self.seals = Seals(self.store)
        self.downloads = Downloads()

        def intake(store: DocumentStore, seals: Seals) -> DocumentIntake:
            return DocumentIntake(store, seals, self._workshop, seconds=seconds, max_bytes=max_bytes, folder=folder)

        self._intake = intake(self.store, self.seals)
        self._keeping_nothing = intake(NullStore(), Seals(NullStore()))
        self._removal = ExpirySweeper(
            self.store, on_removed=metrics.documents_removed.inc, besides=self.seals.refresh, longest=seconds
        )

    def source(self, route: Route, upstream: Upstream, *, observe: Observe, keeps: bool = True) -> Source:
        """The source that answers an endpoint with documents.

        Args:
            route: that endpoint.
            upstream: calls its provider.
            observe: see `ProviderSource`.
            keeps: whether documents are kept; if not, they are only checked, and their links lead nowhere.
        """
        provider = route.provider.key
        translation = DocumentTranslation(
            route,
            upstream,
            intake=self._intake if keeps else self._keeping_nothing,
            spool=self._spool,
            on_kept=(lambda form: self._metrics.documents(provider, form).inc()) if keeps else lambda _form: None,
        )
        return ProviderSource(route, upstream, observe=observe, translation=translation)

    def waiting(self) -> dict[str, int]:
        """Number of tasks that wait for their turn, by thread pool."""
        pools = [self._spool.threads, self._workshop.reading, self._workshop.decoding, self.store.threads]
        uploads = self.store.uploads.waiting if isinstance(self.store, S3Documents) else 0
        return {pool.name: pool.waiting for pool in pools} | {"uploads": uploads}

    async def start(self) -> None:
        """Check that the store can be used; if not, log it: the rest of the gateway serves all the same."""
        try:
            await self.store.start()
        except StoreError as error:
            _log.error("documents_unavailable", reason=str(error))

    async def look(self) -> None:
        """Check that the store can be used.

        Raises:
            StoreError: it cannot.
        """
        await self.store.start()

    async def watch(self) -> None:
        """Remove expired documents in rounds, until cancelled."""
        await self._removal.watch()

    async def close(self) -> None:
        """Close the thread pools and the store."""
        self._workshop.close()
        self._spool.close()
        await self.store.close()


def longest_answer(max_bytes: int) -> int:
    """Bytes of the longest answer with a document of `max_bytes` in base64, escapes and line ends included."""
    return max_bytes * 3 // 2 + 1024 * 1024


def _open(place: str | None) -> tuple[LocalStore | S3Documents, Path | None]:
    """The store, and the folder for temporary files; None for the system's own."""
    if place is not None and place.startswith(SCHEME):
        return S3Documents(place), None
    local = LocalStore(default_folder("documents") if place is None else Path(place))
    return local, local.incoming
