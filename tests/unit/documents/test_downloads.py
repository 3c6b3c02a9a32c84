"""Places for downloads: how many there are, and who makes room."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.documents.downloads import (
    MOST,
    MOST_PER_ADDRESS,
    MOST_PER_LINK,
    RETRY_SECONDS,
    SLOW_SECONDS,
    Downloads,
    Turn,
)

FULL = f"00905 {RETRY_SECONDS}"


class Books:
    """Downloads that last until the end of a test, by a clock of its own."""

    def __init__(self, stack: ExitStack) -> None:
        self.now = 0.0
        self.cut: list[str] = []
        self.downloads = Downloads(clock=lambda: self.now)
        self._stack = stack

    def begin(self, link: str, address: str | None, *, slow: bool = False) -> Turn:
        """One more download; a slow client takes its first part for ever."""
        name = f"{link} {address}"
        turn = self._stack.enter_context(
            self.downloads.turn(link=link, address=address, cut=lambda: self.cut.append(name))
        )
        if slow:
            self._stack.enter_context(turn.sending())
        return turn

    def code(self, link: str, address: str | None) -> str:
        """Why there is no room for one more; empty if there is."""
        try:
            self.begin(link, address)
        except Refusal as refusal:
            return f"{refusal.errors[0].code} {dict(refusal.headers)[b'retry-after'].decode()}"
        return ""


@pytest.mark.parametrize(
    ("most", "link", "address"),
    [
        (MOST_PER_LINK, lambda _: "one", str),
        (MOST_PER_ADDRESS, str, lambda _: "a"),
        (MOST, str, str),
        (MOST_PER_LINK, lambda _: "one", lambda _: None),
        (MOST, str, lambda _: None),
    ],
)
def test_a_full_share(most: int, link: Callable[[int], str], address: Callable[[int], str | None]) -> None:
    """Beyond a share one more is refused while nobody is slow; then the slowest makes room, and nobody else."""
    with ExitStack() as stack:
        books = Books(stack)

        def of(number: int) -> tuple[str, str | None]:
            return link(number), address(number)

        for number in range(most - 1):
            books.begin(*of(number))
        books.begin(*of(most - 1), slow=True)
        assert books.code(*of(most)) == FULL
        books.now = SLOW_SECONDS
        assert books.code(*of(most)) == ""
        assert books.cut == ["{} {}".format(*of(most - 1))]
        assert len(books.downloads) == most
        assert books.code(*of(most)) == FULL
    assert len(books.downloads) == 0


def test_shares_do_not_touch_others() -> None:
    """A link and an address that are full leave the others their places."""
    with ExitStack() as stack:
        books = Books(stack)
        for number in range(MOST_PER_LINK):
            books.begin("one", f"{number}", slow=True)
        for number in range(MOST_PER_ADDRESS):
            books.begin(f"{number}", "a", slow=True)
        assert books.code("two", "b") == ""
        assert books.cut == []


def test_the_slowest_goes_first() -> None:
    """Of several that are slow, the one that has taken its part for the longest makes room."""
    with ExitStack() as stack:
        books = Books(stack)
        for number in range(MOST_PER_LINK):
            books.now = number / 100
            books.begin("one", f"{number}", slow=True)
        books.now += SLOW_SECONDS
        assert [books.code("one", "x"), books.code("one", "y")] == ["", ""]
        assert books.cut == ["one 0", "one 1"]
