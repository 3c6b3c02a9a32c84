"""What is known of single tokens, on several processes: the tokens file, revocations through the store."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from support import programs, stores
from support.fleet import Gateway, fleet, gateway, pause
from support.site import ATTESTATION_FISCALE, UNITE_LEGALE, VIGILANCE, fresh
from support.stores import Server, until
from support.stub import Stub
from support.tokens import SECRET

SECONDS = 40
"""How long a change may take to be seen, on the slowest machine."""
JSON_LIMIT, DOCUMENTS_LIMIT, STRICT_LIMIT = 10, 6, 5


def _jti() -> str:
    return str(uuid.uuid4())


OWN_LIMITS = [
    (f"{number:08x}-0000-4000-8000-000000000000", own, path, limit)
    for number, (own, path, limit) in enumerate(
        [
            (25, UNITE_LEGALE, 25),
            (3, UNITE_LEGALE, 3),
            (25, VIGILANCE, 25),
            (1, VIGILANCE, 1),
            (500, ATTESTATION_FISCALE, STRICT_LIMIT),
            (2, ATTESTATION_FISCALE, 2),
        ]
    )
]
"""A token's own limit, an endpoint, and the limit that results."""


def _all_say(members: list[Gateway], token: str, status: int) -> bool:
    """Whether every process says so, as far as ten connections to each gateway can tell."""
    return all(member.ask(token=token).status == status for member in members for _ in range(10))


# The file.


class TokensFile:
    """A file of records that tests add to, and the gateways that read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: dict[str, Any] = {}
        self.members: list[Gateway] = []
        self.write()

    def write(self, **records: Any) -> None:
        """Add records, the file replaced at once as deployments do."""
        self.records |= records
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.records))
        new.replace(self.path)

    def limit(self, token: str, path: str, member: Gateway | None = None) -> int:
        """The limit that one call is told."""
        answer = (member or self.members[0]).ask(token=token, path=path)
        return int(answer.headers["ratelimit-limit"])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, common_store: Server, provider: Stub) -> Iterator[TokensFile]:
    """Two gateways of two workers each that read one file."""
    folder = tmp_path_factory.mktemp("kept")
    file = TokensFile(folder / "tokens.json")
    file.write(**{jti: {"limit_per_minute": own} for jti, own, _, _ in OWN_LIMITS})
    limits = {"json": JSON_LIMIT, "documents": DOCUMENTS_LIMIT, "strict": STRICT_LIMIT}
    settings = {f"limit_{name}": str(limit) for name, limit in limits.items()}
    settings |= {"tokens": str(file.path), "redis_url": common_store.url, "trusted_proxies": "127.0.0.1"}
    with fleet(folder, 2, 2, upstream=provider.url, **settings) as file.members:
        yield file


def _seen_everywhere(kept: TokensFile) -> str:
    """Write the file once more with a revocation, and wait until every process refuses that token."""
    jti = _jti()
    token = fresh(jti=jti)
    kept.write(**{jti: {"revoked_at": "2026-01-01T00:00:00Z"}})
    until(lambda: _all_say(kept.members, token, 401), "the file is not read", seconds=SECONDS)
    return token


@pytest.mark.parametrize(("jti", "path", "limit"), [(jti, path, limit) for jti, _, path, limit in OWN_LIMITS])
def test_a_limit_of_its_own(kept: TokensFile, jti: str, path: str, limit: int) -> None:
    """A token's own limit raises or lowers that of a shared group, and only lowers a strict one; on every process."""
    token = fresh(jti=jti)
    answers = [kept.members[number % 2].ask(token=token, path=path) for number in range(limit + 2)]
    assert [answer.status for answer in answers] == [200] * limit + [429] * 2
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {str(limit)}


def test_a_limit_changes_without_a_restart(kept: TokensFile) -> None:
    """A limit that is raised, lowered and taken away again is applied to the calls already counted."""
    jti = _jti()
    token = fresh(jti=jti)
    for _ in range(JSON_LIMIT):
        assert kept.members[0].ask(token=token).status == 200
    assert kept.members[1].ask(token=token).status == 429
    kept.write(**{jti: {"limit_per_minute": 12}})
    _seen_everywhere(kept)
    raised = [kept.members[number % 2].ask(token=token) for number in range(3)]
    assert [answer.status for answer in raised] == [200, 200, 429]
    kept.write(**{jti: {"limit_per_minute": 2}})
    _seen_everywhere(kept)
    lowered = kept.members[1].ask(token=token)
    assert (lowered.status, lowered.headers["ratelimit-limit"], lowered.headers["ratelimit-remaining"]) == (
        429,
        "2",
        "0",
    )
    del kept.records[jti]
    _seen_everywhere(kept)
    assert kept.limit(token, UNITE_LEGALE) == JSON_LIMIT


def test_allowed_addresses_on_every_process(kept: TokensFile) -> None:
    """A token bound to addresses is 403 elsewhere, and works from there; the client's address is what counts."""
    jti = _jti()
    token = fresh(jti=jti)
    allowed = ["127.0.7.0/24", "198.51.100.0/24", "2001:db8::/32"]
    kept.write(**{jti: {"allowed_addresses": allowed, "limit_per_minute": 100}})
    _seen_everywhere(kept)
    for member in kept.members:
        assert member.ask(token=token, source="127.0.7.9").status == 200
        refused = member.ask(token=token, source="127.0.8.1")
        assert (refused.status, refused.codes) == (403, ["00107"])
        for chain, status in {
            "198.51.100.7": 200,
            "203.0.113.5, 2001:db8::9": 200,
            "198.51.100.7, 203.0.113.5": 403,
            "192.0.2.1": 403,
        }.items():
            assert member.ask(token=token, headers={"X-Forwarded-For": chain}).status == status
        forged = member.ask(token=token, source="127.0.8.1", headers={"X-Forwarded-For": "198.51.100.7"})
        assert forged.codes == ["00107"], "who is no trusted proxy speaks for itself"


# Revocations.


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, common_store: Server, provider: Stub) -> Iterator[list[Gateway]]:
    """Two gateways of two workers each."""
    folder = tmp_path_factory.mktemp("pair")
    with fleet(folder, 2, 2, upstream=provider.url, redis_url=common_store.url) as pair:
        yield pair


def test_inspect_knows_of_revocations(tmp_path: Path) -> None:
    """A token that was revoked in Redis is shown as refused; if Redis cannot be asked, that is said."""
    with stores.server(tmp_path, stores.valkey_server()) as own:
        text, other = (fresh(jti=_jti()) for _ in range(2))
        given = {"jwt_secrets": SECRET, "redis_url": own.url}
        _revoke(own, jwt.decode(text, options={"verify_signature": False})["jti"])
        inspected = [programs.run("token", "inspect", each, **given) for each in (text, other)]
        assert [json.loads(each.stdout)["verdict"] for each in inspected] == ["refused with 401 00105", "valid"]
        assert [each.returncode for each in inspected] == [1, 0]
        own.stop()
        unsure = programs.run("token", "inspect", other, **given)
    assert json.loads(unsure.stdout)["verdict"].startswith("valid, if it is not revoked: GATEWAY_REDIS_URL")
    assert unsure.returncode == 1


def _revoke(store: Server, jti: str, *more: str) -> None:
    done = programs.run("token", "revoke", jti, *more, redis_url=store.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert jti in done.stdout


def _told(member: Gateway, count: int) -> bool:
    return len(member.logged("revocations_read")) >= count


def test_a_revocation_reaches_every_process(pair: list[Gateway], common_store: Server) -> None:
    """A token in use is refused with its own code on every process soon after the command."""
    jti = _jti()
    token, other = fresh(jti=jti), fresh()
    assert _all_say(pair, token, 200)
    _revoke(common_store, jti)
    revoked = time.monotonic()
    until(lambda: _all_say(pair, token, 401), "it is not revoked", seconds=SECONDS)
    print(f"revoked everywhere after {time.monotonic() - revoked:.2f} s")
    for member in pair:
        refused = member.ask(token=token)
        assert refused.codes == ["00105"]
        assert "ratelimit-limit" not in refused.headers
    assert _all_say(pair, other, 200)


def test_a_revocation_to_come(pair: list[Gateway], common_store: Server) -> None:
    """A token revoked from a date on works until then, and not after."""
    jti, later = _jti(), _jti()
    token = fresh(jti=jti)
    at = datetime.now(UTC) + timedelta(seconds=5)
    _revoke(common_store, later, "--at", (at + timedelta(days=1)).date().isoformat())
    _revoke(common_store, jti, "--at", at.isoformat())
    worked = 0
    while True:
        before = datetime.now(UTC)
        status = pair[worked % 2].ask(token=token).status
        if status == 401:
            break
        assert status == 200
        assert before < at + timedelta(seconds=SECONDS)
        worked += 1
        pause(0.02)
    assert datetime.now(UTC) >= at
    assert worked > 0
    until(lambda: _all_say(pair, token, 401), "it is not revoked everywhere", seconds=SECONDS)
    assert _all_say(pair, fresh(jti=later), 200)


def test_a_jti_is_the_same_in_every_spelling(pair: list[Gateway], common_store: Server) -> None:
    """A uuid has no case: a jti that the command is given in capitals is revoked."""
    jti = "abcdef" + _jti()[6:]
    done = programs.run("token", "revoke", jti.upper(), redis_url=common_store.url)
    assert done.returncode == 0
    until(lambda: _all_say(pair, fresh(jti=jti), 401), "it is not revoked", seconds=SECONDS)


def test_a_jti_in_upper_case(pair: list[Gateway], common_store: Server, kept: TokensFile) -> None:
    """A revocation written in upper case by another program holds, in Redis and in the file; such a token is 401."""
    for members in (pair, kept.members):
        jti = _jti()
        token, loud = fresh(jti=jti), fresh(jti=jti.upper())
        assert members[0].ask(token=token).status == 200
        assert members[0].ask(token=loud).codes == ["00101"]
        if members is pair:
            _revoke_by_hand(common_store, jti.upper())
        else:
            kept.write(**{jti.upper(): {"revoked_at": "2020-01-01"}})
        until(lambda m=members, t=token: _all_say(m, t, 401), "it is not seen", seconds=SECONDS)  # type: ignore[misc]
        assert members[0].ask(token=token).codes == ["00105"]
        assert members[0].ask(token=loud).codes == ["00101"]


def _revoke_by_hand(store: Server, jti: str) -> None:
    store.command("HSET", "gw:revoked", jti, repr(time.time()))
    store.command("SET", "gw:revoked:version", _jti())


def test_revocations_outlive_gateways_and_the_memory_of_the_store(
    tmp_path: Path, store: Server, provider: Stub
) -> None:
    """A gateway that starts knows the revocations at once; a store that forgets them revives no token in it."""
    jti = _jti()
    token = fresh(jti=jti)
    _revoke(store, jti)
    with fleet(tmp_path, 1, upstream=provider.url, redis_url=store.url) as members:
        assert _all_say(members, token, 401)
        store.command("FLUSHALL")
        store.stop()
        store.start()
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            assert members[0].ask(token=token).status == 401


def test_a_revocation_after_the_store_was_emptied(tmp_path: Path, store: Server, provider: Stub) -> None:
    """What is revoked after the store has lost its memory is refused like what was revoked before."""
    first, second = _jti(), _jti()
    with gateway(tmp_path, upstream=provider.url, redis_url=store.url) as only:
        _revoke(store, first)
        until(lambda: only.ask(token=fresh(jti=first)).status == 401, "it is not revoked", seconds=SECONDS)
        store.command("FLUSHALL")
        _revoke(store, second)
        until(lambda: only.ask(token=fresh(jti=second)).status == 401, "it is not revoked", seconds=SECONDS)
        assert only.ask(token=fresh(jti=first)).status == 401


def test_a_revocation_while_the_gateway_is_cut_off(tmp_path: Path, store: Server, provider: Stub) -> None:
    """What was revoked stays so while the store is away, told once; what is revoked after is seen after."""
    first, second = _jti(), _jti()
    with gateway(tmp_path, upstream=provider.url, redis_url=store.url) as only:
        _revoke(store, first)
        until(lambda: _told(only, 1), "it is not read", seconds=SECONDS)
        store.stop()
        until(lambda: bool(only.logged("revocations_unreadable")), "it is not missed", seconds=SECONDS)
        assert only.ask(token=fresh(jti=first)).codes == ["00105"]
        store.start()
        for _ in range(2):  # the counter of an empty store must not be mistaken for the one already seen
            _revoke(store, second)
        until(lambda: only.ask(token=fresh(jti=second)).status == 401, "it is not revoked", seconds=SECONDS)
        assert only.ask(token=fresh(jti=first)).status == 401
        assert len(only.faults("revocations_unreadable")) <= 1


def test_what_cannot_be_revoked() -> None:
    """Without a store, with something that is no jti or no date, the command says so and fails."""
    for arguments, settings in (
        ((_jti(),), {}),
        (("no-uuid",), {"redis_url": "redis://127.0.0.1:1"}),
        ((_jti(), "--at", "tomorrow"), {"redis_url": "redis://127.0.0.1:1"}),
        ((_jti(),), {"redis_url": "redis://127.0.0.1:1"}),
    ):
        refused = programs.run("token", "revoke", *arguments, **settings)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "Traceback" not in refused.stderr
