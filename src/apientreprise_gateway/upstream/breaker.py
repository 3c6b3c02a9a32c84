"""A circuit breaker: calls to a failing provider are refused at once, except for a probe from time to time.

Closed, calls pass and what comes of them is counted. It opens when too many of the last seconds' calls failed, or when
several in a row got no answer at all. After a while one call at a time may pass as a probe: an answer closes it, a
failure opens it for longer. ADR 0007 says why it is ours, and how its figures were chosen.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_SLICES: Final = 10
"""Number of slices of the window; the oldest one is dropped at a time."""


class State(StrEnum):
    """The state of a breaker, which decides whether a call may pass."""

    CLOSED = "closed"
    """Calls pass."""
    OPEN = "open"
    """Calls are refused."""
    HALF_OPEN = "half_open"
    """A call passes as a probe if no other one is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a breaker opens, and for how long."""

    window: float = 10.0
    """Seconds over which calls are counted."""
    calls: int = 20
    """Calls in the window from which on the share of failures is judged."""
    share: float = 0.5
    """The share of failures that opens it."""
    silent: int = 10
    """Calls in a row without any answer that open it, however slowly they come."""
    wait: float = 5.0
    """Seconds that it stays open at first; twice as long after each failed probe."""
    longest_wait: float = 60.0


OnChange = Callable[[State, str], None]
"""Called at each change of state, with the new state and the reason."""


class Breaker:
    """The breaker of one provider, in one process; to be used from its event loop only."""

    def __init__(
        self,
        policy: BreakerPolicy,
        *,
        on_change: OnChange = lambda _state, _reason: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start closed.

        Args:
            policy: when it opens, and for how long.
            on_change: called at each change of state.
            clock: monotonic time in seconds.
        """
        self._policy = policy
        self._on_change = on_change
        self._clock = clock
        self._slice_seconds = policy.window / _SLICES
        self.era = 0
        """Number of the current state, counted up at each change; admitted calls give it back in their reports."""
        self._probing = False
        self._opened_at = 0.0
        self._wait = policy.wait
        self.state = State.CLOSED
        self._forget_all()

    def admit(self) -> int | None:
        """Let a call pass, or refuse it with None.

        Returns:
            The era to pass to the one report that each admitted call must make: `succeeded`, `failed` or `abandoned`.
        """
        if self.state is State.CLOSED:
            return self.era
        if self.state is State.OPEN:
            if self._clock() - self._opened_at < self._wait:
                return None
            self._change(State.HALF_OPEN, f"it may be asked again after {self._wait:g} s")
        if self._probing:
            return None
        self._probing = True
        return self.era

    @property
    def retry_in(self) -> int:
        """Whole seconds, at least one, until a refused call may be the next probe; one while a probe is under way."""
        left = self._wait - (self._clock() - self._opened_at) if self.state is State.OPEN else 0.0
        return max(1, math.ceil(left))

    def succeeded(self, era: int) -> None:
        """Report that the provider answered an admitted call."""
        if era != self.era:
            return  # a call admitted before a change says nothing about the state after it
        if self.state is State.CLOSED:
            self._silent = 0
            self._count(failed=0)
            return
        self._wait = self._policy.wait
        self._change(State.CLOSED, "it answers again")

    def failed(self, era: int, reason: str, *, answered: bool) -> None:
        """Report that an admitted call failed.

        Args:
            era: what `admit` returned.
            reason: what happened, for the log.
            answered: whether the provider answered with an error. It may be about the request, and one caller can cause
                many, so it counts less than silence.
        """
        if era != self.era:
            return
        if self.state is State.HALF_OPEN:
            self._wait = min(self._wait * 2, self._policy.longest_wait)
            self._open(reason)
            return
        if not answered:
            self._silent += 1
        self._count(failed=1)
        if self._silent >= self._policy.silent:
            self._open(f"{self._silent} calls in a row got no answer, the last one because {reason}")
        elif self._calls >= self._policy.calls and self._failures >= self._policy.share * self._calls:
            self._open(f"{self._failures} of {self._calls} calls failed, the last one because {reason}")

    def abandoned(self, era: int) -> None:
        """Report that an admitted call says nothing about the provider."""
        if era == self.era:
            self._probing = False

    # Changing.

    def _open(self, reason: str) -> None:
        self._opened_at = self._clock()
        self._change(State.OPEN, reason)

    def _change(self, state: State, reason: str) -> None:
        self.state = state
        self.era += 1
        self._probing = False
        self._forget_all()
        self._on_change(state, reason)

    # Counting. A slice holds its number, calls and failures; the totals are kept along.

    def _forget_all(self) -> None:
        self._silent = self._calls = self._failures = 0
        self._slices: deque[list[int]] = deque()
        self._current = [-1, 0, 0]

    def _count(self, *, failed: int) -> None:
        number = int(self._clock() / self._slice_seconds)
        current = self._current
        if current[0] != number:
            current = self._turn_to(number)
        current[1] += 1
        current[2] += failed
        self._calls += 1
        self._failures += failed

    def _turn_to(self, number: int) -> list[int]:
        """Begin a slice, and drop those that have left the window."""
        slices = self._slices
        while slices and slices[0][0] <= number - _SLICES:
            _, calls, failures = slices.popleft()
            self._calls -= calls
            self._failures -= failures
        self._current = [number, 0, 0]
        slices.append(self._current)
        return self._current
