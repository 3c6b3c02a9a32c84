"""Tests of the limits of API Particulier through the whole data plane, by a clock that stands still unless told."""

import json
from random import Random
from typing import Any

from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.providers.particulier.groups import CEILING, GROUPS
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.ratelimit.memory import MemoryLimiter
from apientreprise_gateway.ratelimit.policy import Policy
from apientreprise_gateway.upstream.reading import ProviderAnswer
from contract.oracle import SECOND, Clock
from support.tokens import JTI, token
from unit.dataplane.rig import BODY, CLIENT, Reply, Rig

INE = "ine=0123456789A"
V3 = f"/v3/cnous/etudiant_boursier/ine?{INE}&recipient=13002526500013"
OTHER_V3 = f"/v3/mesri/statut_etudiant/ine?{INE}&recipient=13002526500013"
V2 = f"/api/v2/etudiants-boursiers?{INE}"
SCOPES = ["cnous_statut_boursier", "mesri_admissions"]
GROUP = "particulier"


def jti(number: int) -> str:
    """The id of a token that no other number has."""
    return f"00000000-0000-4000-8000-{number:012}"


class Counted:
    """A gateway of API Particulier that counts in memory."""

    def __init__(self, *, ceiling: int = 0, ip_limit: int = 1000, ignored: int = 100, **options: Any) -> None:
        self.clock = Clock()
        self.store = MemoryLimiter(
            ip_limit=ip_limit, ignored_429_limit=ignored, clock=self.clock, shadow=options.get("shadow", False)
        )
        figures = {group.limit.setting: group.limit.calls for group in GROUPS}
        policy = Policy(GROUPS, figures | {CEILING.setting: ceiling})
        self.rig = Rig(products=(PARTICULIER,), policy=policy, store=self.store, **options)
        self.rig.source.answer = ProviderAnswer(200, BODY)

    async def call(self, target: str = V3, *, number: int = 0, **claims: Any) -> Reply | None:
        """Make a call with the token of a number; None if its connection was closed."""
        given = token(**({"scopes": SCOPES, "jti": JTI if number == 0 else jti(number)} | claims))
        return await self.rig.call(target, bearer=None, headers=[(b"x-api-key", given.encode())])

    async def statuses(self, count: int, target: str = V3, **given: Any) -> list[int | None]:
        """The statuses of so many calls, None for those that got no answer."""
        replies = [await self.call(target, **given) for _ in range(count)]
        return [None if reply is None else reply.status for reply in replies]

    async def answered(self, target: str = V3, **given: Any) -> Reply:
        """Make a call that gets an answer."""
        reply = await self.call(target, **given)
        assert reply is not None
        return reply

    @property
    def is_banned(self) -> bool:
        """Whether the address of all calls is banned."""
        return self.store.known_ban(CLIENT) is not None


def window_of(reply: Reply) -> tuple[int, int, int]:
    """What the headers say of the window: limit, remaining calls, reset."""
    return (
        int(reply.headers["ratelimit-limit"]),
        int(reply.headers["ratelimit-remaining"]),
        int(reply.headers["ratelimit-reset"]),
    )


async def test_twenty_calls_in_a_second() -> None:
    """Twenty calls pass in a second, over all operations and versions; the next waits for a second, in each form."""
    gateway = Counted()
    gateway.clock.advance(microseconds=1)
    second = gateway.clock.now // SECOND
    for number in range(20):
        reply = await gateway.answered((V3, V2, OTHER_V3)[number % 3])
        assert reply.status == 200
        assert window_of(reply) == (20, 19 - number, second + 2), "when the first call leaves, rounded up"
    for target in (V3, OTHER_V3, V2):
        refused = await gateway.answered(target)
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert window_of(refused) == (20, 0, second + 2)
        first = json.loads(refused.body)["errors"][0]
        assert first == "Vous avez effectué trop de requêtes" if target == V2 else first["code"] == "00429"
    assert (await gateway.answered(number=1)).status == 200, "another token is another window"
    gateway.clock.advance(seconds=1, microseconds=-1)
    assert (await gateway.answered()).status == 429
    gateway.clock.advance(microseconds=1)
    assert await gateway.statuses(21) == [200] * 20 + [429]
    assert gateway.rig.count("gateway_limiter_decisions_total", group=GROUP, decision="admitted") == 41
    assert gateway.rig.count("gateway_limiter_decisions_total", group=GROUP, decision="refused") == 5


async def test_a_token_s_own_minute() -> None:
    """A token's own limit is a minute beside the second; the headers are those of the one with less left."""
    gateway = Counted()
    gateway.rig.registry.records = {JTI: TokenRecord(limit_per_minute=30)}
    second = gateway.clock.now // SECOND
    assert [window_of(await gateway.answered())[:2] for _ in range(20)] == [(20, left) for left in range(19, -1, -1)]
    refused = await gateway.answered()
    assert (refused.status, refused.headers["retry-after"], window_of(refused)) == (429, "1", (20, 0, second + 1))
    gateway.clock.advance(seconds=1)
    for left in range(9, -1, -1):
        assert window_of(await gateway.answered()) == (30, left, second + 60)
    refused = await gateway.answered()
    assert (refused.status, refused.headers["retry-after"], window_of(refused)) == (429, "59", (30, 0, second + 60))
    gateway.clock.advance(seconds=59)
    assert await gateway.statuses(21) == [200] * 20 + [429]


async def test_calls_near_either_limit() -> None:
    """A call that leaves a fifth or less of its minute is near its limit, whichever window its headers show."""
    gateway = Counted()
    gateway.rig.registry.records = {JTI: TokenRecord(limit_per_minute=200)}
    for _ in range(16):
        await gateway.statuses(10)
        gateway.clock.advance(seconds=1)
    assert gateway.rig.count("gateway_near_limit_total", group=GROUP) == 1
    shown = await gateway.answered()
    assert window_of(shown)[0] == 20
    assert gateway.rig.count("gateway_near_limit_total", group=GROUP) == 2


async def test_a_token_at_its_full_rate_is_never_banned() -> None:
    """Twenty calls a second, for more than two minutes, all pass."""
    gateway = Counted()
    for _ in range(130):
        assert await gateway.statuses(20) == [200] * 20
        gateway.clock.advance(seconds=1)
    assert not gateway.is_banned


async def test_a_full_rate_with_some_calls_refused() -> None:
    """A caller that is refused once a second, and goes on a second later, is not banned for it."""
    gateway = Counted()
    for _ in range(130):
        assert await gateway.statuses(21) == [200] * 20 + [429]
        gateway.clock.advance(seconds=1)
    assert not gateway.is_banned


async def test_a_full_rate_over_a_network_that_keeps_no_pace() -> None:
    """Twenty calls each second are never banned, although now and then some come a few milliseconds early."""
    gateway, late = Counted(ignored=10), Random(20)
    start, refused = gateway.clock.now, 0
    for second in range(90):
        gateway.clock.now = start + second * SECOND + late.randrange(20_000)
        refused += (await gateway.statuses(20)).count(429)
    assert refused > 60
    assert not gateway.is_banned


async def test_the_ceiling_of_an_address() -> None:
    """As many calls of an address pass as the setting says, whatever the tokens; the next one bans it."""
    gateway = Counted(ceiling=30, ip_limit=5, forbid_banned=True)
    assert [(await gateway.answered(number=number)).status for number in range(30)] == [200] * 30
    assert not gateway.is_banned
    banned = await gateway.answered()
    assert (banned.status, banned.codes) == (403, ["00901"])
    assert gateway.is_banned
    assert [(ban.reason, ban.count) for ban in gateway.store.bans_in_force()] == [("ceiling", 31)]


async def test_unknown_calls_count_for_the_address_as_ever() -> None:
    """Wrong tokens and paths count for the ceiling of all calls, and its ban is one for this product too."""
    gateway = Counted(ip_limit=4)
    await gateway.statuses(20)
    for target, claims in ((V3, {"exp": 1}), (V2, {"exp": 1}), ("/v3/cnous/nothing", {}), ("/api/caf/famille", {})):
        assert await gateway.call(target, **claims) is not None
        assert not gateway.is_banned
    assert await gateway.call("/api/v2/nothing") is None
    assert gateway.is_banned
    gateway.clock.advance(seconds=1)
    assert await gateway.statuses(2) == [None, None]


async def test_ignored_refusals_by_token() -> None:
    """Refused calls count by address and token: many towns may each be refused as often as one address elsewhere."""
    gateway = Counted(ignored=3)
    for number in range(1, 30):
        assert await gateway.statuses(23, number=number) == [200] * 20 + [429] * 3
    assert not gateway.is_banned
    assert await gateway.statuses(2, number=7) == [None, None]
    assert [(ban.reason, ban.count) for ban in gateway.store.bans_in_force()] == [("ignored_429", 4)]


async def test_shadow() -> None:
    """In shadow mode nothing is refused, and what would be is told of."""
    gateway = Counted(ceiling=21, ignored=1, shadow=True)
    assert await gateway.statuses(24) == [200] * 24
    assert gateway.rig.count("gateway_shadow_refusals_total", check="limit") == 4
    assert gateway.rig.count("gateway_shadow_refusals_total", check="ban") >= 2


async def test_introspection_counts_as_its_product_says() -> None:
    """What a token is can be asked without end of this product, too: it is in no window, and its ceiling is none."""
    gateway = Counted(ip_limit=3)
    assert await gateway.statuses(30, "/v3/token/introspect") == [200] * 30
