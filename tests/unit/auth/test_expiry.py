"""Tests of the notices of tokens that will end soon."""

from uuid import UUID

from structlog.testing import capture_logs

from apientreprise_gateway.auth.expiry import NAMED_A_DAY, ExpiryNotices
from apientreprise_gateway.auth.token import Token

DAY = 86_400
NOW = 1_790_000_000.0


class Clock:
    """A clock that is set by hand."""

    now = NOW

    def __call__(self) -> float:
        """The time."""
        return self.now


def token(number: int, *, days: float = 5) -> Token:
    """A token that ends in so many days."""
    jti = str(UUID(int=number))
    return Token(jti=jti, uid=jti, scopes=frozenset(), subject=f"holder {number}", expires_at=NOW + days * DAY)


def test_each_is_named_once_a_day() -> None:
    """A token in use is named at once, not again at each look, and anew the next day."""
    clock = Clock()
    notices = ExpiryNotices(now=clock)
    with capture_logs() as logs:
        for _ in range(3):
            notices.tell([token(1), token(2, days=1)])
        assert [line["subject"] for line in logs] == ["holder 2", "holder 1"], "the first to end comes first"
        assert (logs[0]["event"], logs[0]["jti"], logs[0]["expires"]) == (
            "token_expires_soon",
            token(2).jti,
            "2026-09-22",
        )
        clock.now += DAY
        notices.tell([token(1)])
        assert [line["subject"] for line in logs[2:]] == ["holder 1"]


def test_many_do_not_flood_the_log() -> None:
    """Of fifty thousand tokens, seen in turns as memory has room for them, a few lines are written in a day."""
    clock = Clock()
    notices = ExpiryNotices(now=clock)
    for _ in range(2):
        with capture_logs() as logs:
            for start in (*range(0, 50_000, 4096), *range(0, 50_000, 4096)):
                notices.tell([token(number) for number in range(start, start + 4096)])
        assert [line["event"] for line in logs] == ["token_expires_soon"] * NAMED_A_DAY + ["more_tokens_expire_soon"]
        assert (logs[-1]["tokens"], logs[-1]["named"]) == (4096, NAMED_A_DAY)
        clock.now += DAY


def test_none() -> None:
    """Nothing is said of nothing."""
    with capture_logs() as logs:
        ExpiryNotices().tell([])
    assert logs == []
