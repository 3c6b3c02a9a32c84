"""Mail addresses that somebody types: one address, fit for a header and for a line."""

import re
from typing import Final

MAX_LENGTH: Final = 254
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(
    rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@(?:{_LABEL}\.)+{_LABEL}"
)


class MailAddressError(ValueError):
    """A text that is no mail address; the text of the error says so in French."""

    def __init__(self) -> None:
        super().__init__("Cette adresse électronique n’est pas valable : écrivez-la sous la forme nom@exemple.fr.")


def mail_address(text: str) -> str:
    """The address in a text, in lower case, without blanks around it.

    Raises:
        MailAddressError: there is none, or more than one.
    """
    address = text.strip(" \t").lower()
    local, _, _domain = address.rpartition("@")
    if len(address) > MAX_LENGTH or len(local) > 64 or _ADDRESS.fullmatch(address) is None:
        raise MailAddressError
    return address
