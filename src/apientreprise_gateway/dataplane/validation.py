"""Compares the answers of providers with the schemas of the catalogue.

Providers change without notice, and operators want to know before integrators complain. Nothing is refused: an answer
is compared after it was sent. Deviations are counted by operation, and one an hour is logged for each operation, with
its place in the answer, never with the data.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from jsonschema_rs import ValidationError, Validator, validator_for

from apientreprise_gateway.providers.schemas import Schemas
from apientreprise_gateway.upstream.reading import parsed

SAMPLE_SECONDS: Final = 1.0
"""Seconds between two compared answers of an operation, when only a sample is compared."""
LOG_SECONDS: Final = 3600.0
"""Seconds between two logged deviations of an operation."""
MAX_DESCRIBED_BYTES: Final = 32 * 1024
"""Bytes of the longest answer in which the place of a deviation is found: finding it copies much of the answer, which
takes seconds for one of megabytes."""
TOO_LONG: Final = "(the answer is too long to look for it)"
_log = structlog.get_logger(__name__)


class AnswerValidator:
    """Compares answers with their schemas."""

    def __init__(
        self,
        schemas: Mapping[str, Schemas],
        *,
        sample: bool,
        on_deviation: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Configure it; a schema is read at its first use, as each takes memory and few operations are called.

        Args:
            schemas: for each operation to compare, the schemas that hold its own.
            sample: whether to compare a sample of the answers instead of all.
            on_deviation: called with the operation of each answer that does not match its schema.
            clock: monotonic time in seconds.

        Raises:
            ValueError: one of the operations has no schema.
        """
        without = sorted(operation for operation, found in schemas.items() if operation not in found.operations)
        if without:
            raise ValueError(f"no schema for {', '.join(without)}")
        self._schemas = schemas
        self._validators: dict[str, Validator] = {}
        self._sample = sample
        self._on_deviation = on_deviation
        self.clock = clock
        self.due: dict[str, float] = {}
        """When the next answer of each operation is compared, in seconds of `clock`; empty if all are."""
        self._next_log: dict[str, float] = {}

    def compare(self, operation: str, body: bytes) -> None:
        """Compare the body of a successful answer with its schema, if it is due."""
        if self._sample and not self._is_due(self.due, operation, SAMPLE_SECONDS):
            return
        content = parsed(body)
        validator = self._validator(operation)
        if validator.is_valid(content):
            return
        self._on_deviation(operation)
        if self._is_due(self._next_log, operation, LOG_SECONDS):
            at, rule = _described(validator, content) if len(body) <= MAX_DESCRIBED_BYTES else (TOO_LONG, TOO_LONG)
            _log.warning("upstream_deviation", operation=operation, at=at, rule=rule)

    def _validator(self, operation: str) -> Validator:
        known = self._validators.get(operation)
        if known is None:
            known = self._validators[operation] = validator_for(self._schemas[operation].of(operation))
        return known

    def _is_due(self, times: dict[str, float], operation: str, seconds: float) -> bool:
        now = self.clock()
        if now < times.get(operation, now):
            return False
        times[operation] = now + seconds
        return True


def _described(validator: Validator, content: Any) -> tuple[str, str]:
    """The place of the first deviation, and the schema keyword that it breaks."""
    deviation: ValidationError = next(iter(validator.iter_errors(content)))
    return _pointer(deviation), str(deviation.schema_path[-1])


def _pointer(deviation: ValidationError) -> str:
    """The place of a deviation as a path; positions in lists become `*`."""
    return "/".join("*" if isinstance(step, int) else str(step) for step in deviation.instance_path) or "(whole)"
