"""Errors of Redis for operators, in words that name the remedy."""

from typing import Final

_REFUSALS: Final = (
    ("WRONGPASS", "its user or password is wrong (WRONGPASS)"),
    ("invalid username-password", "its user or password is wrong (WRONGPASS)"),
    ("invalid password", "its user or password is wrong (WRONGPASS)"),
    ("NOAUTH", "it wants a password, and none is given (NOAUTH)"),
    ("Authentication required", "it wants a password, and none is given (NOAUTH)"),
    ("without any password configured", "it has no password, but one is given"),
    ("NOPERM", "its user lacks a right (NOPERM)"),
    ("no permissions", "its user lacks a right (NOPERM)"),
)
"""Words in the errors of Redis or redis-py, which at times leaves out the code, and what they mean."""


def is_refusal(error: BaseException) -> bool:
    """Whether Redis has answered, but refuses the user: its credentials, or for want of a right."""
    return _meaning(error) is not None


def redis_words(error: BaseException) -> str:
    """The text of an error, with the remedy if it is known; it has no password, as Redis repeats none."""
    said = str(error).rstrip(".")
    meaning = _meaning(error)
    return f"{meaning}: {said}" if meaning else said


def _meaning(error: BaseException) -> str | None:
    return next((meaning for sign, meaning in _REFUSALS if sign in str(error)), None)
