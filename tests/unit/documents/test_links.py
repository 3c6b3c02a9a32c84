"""Links: what they show, what they hide, and what is none."""

import string
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.contract.documents import FileKind
from apientreprise_gateway.documents.links import (
    BUCKET_SECONDS,
    SKEW_SECONDS,
    DocumentLink,
    file_name,
    is_past,
    is_sealed,
    new_link,
    read_path,
)

ENDS = 1_800_000_000
ID = "A" * 48


def test_a_link_is_read_back() -> None:
    """The path of a link leads to the same key, with the same end, name and kind."""
    link = new_link(ends=ENDS, name="attestation_130025265.pdf", secret=b"secret")
    found = read_path(link.path.encode())
    assert found == link
    assert found.key == link.key
    assert (found.ends, found.kind) == (ENDS, FileKind.PDF)


def test_links_differ_in_256_bits() -> None:
    """Two links of the same second and name share nothing but the second: 160 random bits, and a seal of 96."""
    one, two = (new_link(ends=ENDS, name="a.pdf", secret=b"secret").id for _ in range(2))
    assert one[:5] == two[:5]
    assert len(one) == 48
    assert sum(a == b for a, b in zip(one[6:], two[6:], strict=True)) < 20


def test_neither_key_nor_reference_is_the_link() -> None:
    """What a store or a log shows has nothing of the secret."""
    link = new_link(ends=ENDS, name="a.pdf", secret=b"secret")
    hour, _, digest = link.key.partition("/")
    assert int(hour) == ENDS // BUCKET_SECONDS
    assert all(part not in link.key + link.reference for part in (link.id, link.id[6:20]))
    assert digest.startswith(link.reference)
    assert len(digest) == 64


@pytest.mark.parametrize("place", range(48))
def test_every_character_of_the_id_counts(place: int) -> None:
    """With any other character, the end included, a link leads elsewhere."""
    link = new_link(ends=ENDS, name="a.pdf", secret=b"secret")
    other = "B" if link.id[place] != "B" else "C"
    changed = DocumentLink(link.id[:place] + other + link.id[place + 1 :], link.name)
    assert changed.key.partition("/")[2] != link.key.partition("/")[2]


@pytest.mark.parametrize("name", ["b.pdf", "a.zip", "A.pdf"])
def test_the_name_counts(name: str) -> None:
    """A link works with its own name only, so that nobody passes it off as another document."""
    link = new_link(ends=ENDS, name="a.pdf", secret=b"secret")
    assert DocumentLink(link.id, name).key != link.key


@pytest.mark.parametrize(
    "path",
    [
        f"/documents/{ID}/",
        f"/documents/{ID}",
        f"/documents/{ID}/a.exe",
        f"/documents/{ID}/a.pdf/",
        f"/documents/{ID}/.pdf",
        f"/documents/{ID}/../a.pdf",
        f"/documents/{ID}/..%2fa.pdf",
        f"/documents/{ID}/a%2epdf",
        f"/documents/{ID}/a b.pdf",
        f"/documents/{ID}/a.pdf\n",
        f"/documents/{ID}/{'a' * 200}.pdf",
        f"/documents/{ID[1:]}/a.pdf",
        f"/documents/{ID}A/a.pdf",
        f"/documents/{ID[1:]}=/a.pdf",
        f"/documents/{ID[1:]}é/a.pdf",
        f"/documents/../{ID}/a.pdf",
        f"//documents/{ID}/a.pdf",
        "/documents/",
        "/documents/incoming/a.pdf",
    ],
)
def test_what_is_no_link(path: str) -> None:
    """Nothing but an id and a name is a link; nothing is decoded or tidied up."""
    assert read_path(path.encode("latin-1")) is None


@given(st.binary(max_size=120))
def test_any_bytes_are_a_link_or_none(tail: bytes) -> None:
    """Whatever comes after the prefix, the key has no way out of its folder."""
    link = read_path(b"/documents/" + tail)
    if link is not None:
        hour, digest = link.key.split("/")
        assert hour.isdigit()
        assert set(digest) <= set(string.hexdigits)


@given(st.lists(st.text(max_size=80), max_size=4), st.sampled_from(FileKind))
def test_any_name_becomes_a_link(parts: list[str], kind: FileKind) -> None:
    """Whatever a name is made of, it is safe in a path, a header and a file system."""
    link = new_link(ends=ENDS, name=file_name(parts, kind), secret=b"secret")
    assert read_path(link.path.encode("ascii")) == link


def test_names_are_readable() -> None:
    """A name says what the document is, and whose."""
    assert file_name(["attestation_vigilance", "130025265"], FileKind.PDF) == "attestation_vigilance_130025265.pdf"
    assert file_name(["été / \\ 2024", "", "../x"], FileKind.ZIP) == "t_2024_x.zip"
    assert file_name([], FileKind.PDF) == "document.pdf"


@pytest.mark.parametrize(
    ("bucket", "past"),
    [("1", True), ("2", False), ("incoming", False), ("-1", False), ("²", False), ("", False), ("0", True)],
)
def test_hours_that_are_over(bucket: str, past: bool) -> None:
    """An hour is over when its last second is, and what is no hour never is."""
    assert is_past(bucket, 2 * BUCKET_SECONDS) is past
    assert not is_past("1", 2 * BUCKET_SECONDS - 0.001)


@given(st.binary(min_size=36, max_size=36), st.sampled_from(["a.pdf", "b.zip"]))
def test_only_the_secret_seals(data: bytes, name: str) -> None:
    """A link is sealed with the secret that it was made with, as it is, and no made-up one is."""
    link = new_link(ends=ENDS, name="a.pdf", secret=b"one")
    assert is_sealed(link, b"one")
    assert not is_sealed(link, b"two")
    assert not is_sealed(DocumentLink(link.id, "b.pdf"), b"one")
    for place in range(48):
        other = "B" if link.id[place] != "B" else "C"
        assert not is_sealed(DocumentLink(link.id[:place] + other + link.id[place + 1 :], link.name), b"one")
    assert not is_sealed(DocumentLink(urlsafe_b64encode(data).decode(), name), b"one")


@pytest.mark.parametrize(
    ("now", "ended"),
    [
        (ENDS - 600, False),
        (ENDS - 1, False),
        (ENDS, True),
        (ENDS + 1e7, True),
        (ENDS - 600 - SKEW_SECONDS, False),
        (ENDS - 601 - SKEW_SECONDS, True),
        (ENDS - 30 * 86_400, True),
    ],
)
def test_a_link_ends(now: float, ended: bool) -> None:
    """A link ends in its time, and one that was made by a clock that was ahead with that clock."""
    link = new_link(ends=ENDS, name="a.pdf", secret=b"secret")
    assert link.has_ended(now, longest=600) is ended


def test_hours_that_no_right_clock_has_made() -> None:
    """What lies in the place of an hour that is too far away goes as well."""
    beyond = 9 * BUCKET_SECONDS
    past = [hour for hour in (1, 2, 8, 9, 10, 700) if is_past(str(hour), 2 * BUCKET_SECONDS, beyond=beyond)]
    assert past == [1, 10, 700]
