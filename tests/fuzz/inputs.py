"""Inputs for fuzzing: what is stored, what is made of it, and bytes of chance.

`corpus/{target}.txt` has one input per line, written as in a literal of Python's bytes; `<<300*a>>` is `a` 300 times.
"""

import ast
import re
from functools import cache
from pathlib import Path
from random import Random

from hypothesis import strategies as st

_CORPUS = Path(__file__).parent / "corpus"
_BY_CHANCE = 0.1
_KNOWN = 0.7
_REPEATED = re.compile(r"<<(\d+)\*(.)>>")
_PIECES = (
    *(b"\x00", b"\r\n", b"\r", b"\n", b" ", b"\t", b"%00", b"%", b"%ff", b"%2f", b"..", b"/", b"\\", b'"', b"'", b"{}"),
    *(
        b"[",
        b"]",
        b"{",
        b"}",
        b":",
        b",",
        b";",
        b"=",
        b"&",
        b"+",
        b"-",
        b"0",
        b"-1",
        b"1e999",
        b"NaN",
        b"null",
        b"true",
    ),
    *(b"\xff", b"\xc3\xa9", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"9" * 30, b"9" * 5000),
    *(b"[" * 300, b"[" * 2000, b'{"a":' * 300, b"a" * 70_000, b"::", b"[::1]", b"@", b"#", b"?"),
    *(
        b"\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\n",
        b"Connection: upgrade\r\nUpgrade: h2c\r\n",
    ),
)
"""What readers have stumbled over."""


@cache
def corpus(name: str) -> tuple[bytes, ...]:
    """The stored inputs of a target."""
    lines = (_CORPUS / f"{name}.txt").read_text(encoding="ascii").splitlines()
    return tuple(ast.literal_eval(f"b'''{_REPEATED.sub(_repeat, line)}'''") for line in lines)


def _repeat(found: re.Match[str]) -> str:
    return found[2] * int(found[1])


def changed(random: Random, name: str) -> bytes:
    """A stored input with a few cuts and insertions, or bytes of chance."""
    if random.random() < _BY_CHANCE:
        return random.randbytes(random.randint(0, 100))
    data = random.choice(corpus(name))
    for _ in range(random.randint(0, 4)):
        start = random.randint(0, len(data))
        stop = random.randint(start, min(len(data), start + 40))
        piece = random.choice(_PIECES) if random.random() < _KNOWN else random.randbytes(random.randint(0, 4))
        data = data[:start] + piece + data[stop:]
    return data


def inputs(name: str) -> st.SearchStrategy[bytes]:
    """Inputs for a target."""
    return st.randoms(use_true_random=False).map(lambda random: changed(random, name)) | st.binary(max_size=200)
