"""What may be wrong with an answer of FranceConnect."""


class UnusableAnswerError(Exception):
    """The answer is not what FranceConnect promises; the text says why, and repeats nothing of it."""
