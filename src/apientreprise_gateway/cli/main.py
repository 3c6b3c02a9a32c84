"""The command line.

Each command imports what it needs when it runs, so that the short ones answer at once.
"""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from apientreprise_gateway import __version__
from apientreprise_gateway.cli import types
from apientreprise_gateway.cli.tables import print_table
from apientreprise_gateway.process import signals

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from apientreprise_gateway.auth.registry import TokenRegistry
    from apientreprise_gateway.gateway.settings import Settings

PROGRAM: Final = "apientreprise-gateway"
_USAGE_ERROR: Final = 2
_FAILURE: Final = 1
_REDIS_SECONDS: Final = 5.0
_T = TypeVar("_T")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; exit with 2 and one line on standard error if it cannot be run as asked."""
    signals.hold()  # what starts takes a second, in which nothing handles them
    options = _parser().parse_args(arguments)
    if not options.serves:
        signals.obey()
    from apientreprise_gateway.gateway.settings import SettingsError
    from apientreprise_gateway.process.runner import PortTakenError

    command: Callable[[argparse.Namespace], int | None] = _serve_to_the_end if options.serves else options.command
    try:
        status = command(options) or 0
        sys.stdout.flush()
        sys.exit(status)
    except (SettingsError, PortTakenError) as error:
        _tell(error)
        sys.exit(_USAGE_ERROR)
    except BrokenPipeError:
        _forget_output()  # the reader has seen enough (`| head`)
        sys.exit(_FAILURE)
    except Exception as error:
        _end_with(error)


def _tell(error: Exception) -> None:
    """Say what is wrong, in a line for each thing."""
    for line in str(error).splitlines():
        print(f"{PROGRAM}: {line}", file=sys.stderr)


def _forget_output() -> None:
    """Let what is still to be written go nowhere, so that the end of the program does not try it again."""
    import os

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _end_with(error: Exception) -> None:
    """Say in one line what nobody has foreseen, and exit; the trace is for who asks for it."""
    import os

    from apientreprise_gateway.observability.faults import place, words

    if os.environ.get("GATEWAY_LOG_LEVEL", "").upper() == "DEBUG":
        raise error
    print(f"{PROGRAM}: {words(error)} ({place(error)}). GATEWAY_LOG_LEVEL=DEBUG shows the trace.", file=sys.stderr)
    sys.exit(_FAILURE)


def _serve_to_the_end(options: argparse.Namespace) -> NoReturn:
    """Run a command that serves; the end of its process waits for nobody."""
    import traceback

    from apientreprise_gateway.gateway.settings import SettingsError
    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.process import ending
    from apientreprise_gateway.process.runner import PortTakenError

    logs.write_apart()
    try:
        status = options.command(options) or 0
    except (SettingsError, PortTakenError) as error:
        _tell(error)
        status = _USAGE_ERROR
    except Exception:
        traceback.print_exc()
        status = _FAILURE
    ending.leave(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="One gateway in front of the French public data providers."
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.set_defaults(serves=False)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="gateway and sandbox providers in one command")
    _add_address(demo, port=8080)
    demo.set_defaults(command=_demo, serves=True)

    serve = commands.add_parser("serve", help="the gateway, configured by the environment")
    _add_address(serve, port=8080)
    serve.add_argument("--workers", type=types.workers, default=1, metavar="N", help="processes (default: 1)")
    serve.set_defaults(command=_serve, serves=True)

    sandbox = commands.add_parser("sandbox", help="fictive providers for every endpoint")
    _add_address(sandbox, port=8081)
    sandbox.add_argument(
        "--latency-ms", type=types.milliseconds, default=0, metavar="MS", help="delay of every answer (default: 0)"
    )
    sandbox.add_argument(
        "--error-rate",
        type=types.share,
        metavar="SHARE",
        help="share of calls that fail, 0 to 1 (default: 0; 1 with --fault)",
    )
    sandbox.add_argument("--fault", type=types.fault, metavar="NAME", help="how they fail (default: error-500)")
    sandbox.add_argument(
        "--documents", choices=("address", "base64", "file"), help="how documents are given (default: as each does)"
    )
    sandbox.set_defaults(command=_sandbox, serves=True)

    _add_tokens(commands)

    bans = commands.add_parser("bans", help="banned addresses")
    listed = bans.add_subparsers(title="commands", required=True, metavar="COMMAND")
    listing = listed.add_parser("list", help="the bans in force in the Redis of GATEWAY_REDIS_URL")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=_bans)

    catalogue = commands.add_parser("catalogue", help="the endpoints")
    catalogue.add_argument("--json", action="store_true", help="as JSON")
    catalogue.set_defaults(command=_catalogue)

    commands.add_parser("openapi", help="the OpenAPI file").set_defaults(command=_openapi)
    check = commands.add_parser("check", help="say whether the configuration can be served")
    check.add_argument("--online", action="store_true", help="also ask every provider once, and show what it says")
    check.set_defaults(command=_check)
    return parser


def _add_tokens(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    token = commands.add_parser("token", help="mint and read tokens")
    tokens = token.add_subparsers(title="commands", required=True, metavar="COMMAND")
    issue = tokens.add_parser("issue", help="mint a token, signed by the first of GATEWAY_JWT_SECRETS")
    issue.add_argument("--scope", nargs="+", action="extend", required=True, metavar="SCOPE", help="what it opens")
    issue.add_argument("--subject", required=True, help="who it is for")
    issue.add_argument("--expires", type=_date, metavar="DATE", help="its end, YYYY-MM-DD (default: in 18 months)")
    issue.add_argument("--force", action="store_true", help="also scopes that no endpoint of this version has")
    issue.set_defaults(command=_tokens("issue"))
    inspect = tokens.add_parser("inspect", help="show what a token says, and whether it is valid here")
    inspect.add_argument("token")
    inspect.set_defaults(command=_inspect)

    revoke = tokens.add_parser("revoke", help="revoke a token, for every gateway on GATEWAY_REDIS_URL")
    revoke.add_argument("jti", type=_jti)
    revoke.add_argument("--at", type=_date, metavar="DATE", help="from when, YYYY-MM-DD[THH:MM] UTC (default: now)")
    revoke.add_argument("--force", action="store_true", help="also if that is later than the date it is revoked from")
    revoke.set_defaults(command=_tokens("revoke"))
    unrevoke = tokens.add_parser("unrevoke", help="take a revocation back, for every gateway on GATEWAY_REDIS_URL")
    unrevoke.add_argument("jti", type=_jti)
    unrevoke.add_argument("--yes", action="store_true", help="do not ask first")
    unrevoke.add_argument("--force", action="store_true", help="also if Redis does not know that it is revoked")
    unrevoke.set_defaults(command=_tokens("unrevoke"))
    revoked = tokens.add_parser("revocations", help="the tokens revoked in the Redis of GATEWAY_REDIS_URL")
    revoked.add_argument("--json", action="store_true", help="as JSON")
    revoked.set_defaults(command=_tokens("revocations"))


def _add_address(parser: argparse.ArgumentParser, *, port: int) -> None:
    parser.add_argument(
        "--host", type=types.host, default="127.0.0.1", help="address to listen on (default: 127.0.0.1)"
    )
    parser.add_argument("--port", type=types.port, default=port, help=f"port to listen on, 0 for any (default: {port})")


def _date(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date; write YYYY-MM-DD") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _jti(text: str) -> str:
    from uuid import UUID

    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no jti; `token inspect` shows the one of a token") from None


def _demo(options: argparse.Namespace) -> None:
    from apientreprise_gateway.cli.demo import demo

    demo(options)


def _serve(options: argparse.Namespace) -> int:
    from apientreprise_gateway.gateway import settings as all_settings
    from apientreprise_gateway.observability import logs

    settings = all_settings.load()
    all_settings.require_for_serving(settings)
    if options.workers < 1:
        raise all_settings.SettingsError(
            f"--workers {options.workers}: at least one process must serve. Give 1 or more."
        )
    if options.workers > 1:
        all_settings.require_for_workers(settings, named=f"--workers {options.workers}")
    logs.configure(level=settings.log_level)
    if options.workers > 1:
        return _serve_with_workers(options, settings)
    _serve_alone(options, settings)
    return 0


def _serve_alone(options: argparse.Namespace, settings: "Settings") -> None:
    import structlog

    from apientreprise_gateway.gateway import worker
    from apientreprise_gateway.gateway.app import Gateway
    from apientreprise_gateway.gateway.settings import scheme
    from apientreprise_gateway.gateway.verify import told_together
    from apientreprise_gateway.process import title
    from apientreprise_gateway.process.runner import listen

    with told_together(settings):
        gateway = Gateway(settings)
    at = listen(options.host, options.port, scheme=scheme(settings))
    title.show(f"serve {at.address}")
    log = structlog.get_logger(PROGRAM)
    _serve_metrics(settings, gateway.metrics)
    store = "memory" if settings.redis_url is None else "redis"
    worker.serve(gateway, at, ready=lambda: log.info("ready", url=at.url, version=__version__, store=store))
    log.info("stopped")


def _serve_with_workers(options: argparse.Namespace, settings: "Settings") -> int:
    import os
    from contextlib import ExitStack
    from functools import partial

    import structlog

    from apientreprise_gateway.gateway import worker
    from apientreprise_gateway.gateway.settings import SettingsError, scheme
    from apientreprise_gateway.gateway.verify import verify
    from apientreprise_gateway.observability.access_log import tell_of_lost
    from apientreprise_gateway.observability.leftover import Leftover
    from apientreprise_gateway.observability.metrics import MULTIPROCESS_DIR, all_workers
    from apientreprise_gateway.observability.shared import clear_dead_worker, workplace
    from apientreprise_gateway.process import title
    from apientreprise_gateway.process.runner import listen
    from apientreprise_gateway.process.supervisor import Supervisor

    verify(settings)  # what the workers could not use is said here, once
    at = listen(options.host, options.port, scheme=scheme(settings))
    title.show(f"serve {at.address} with {options.workers} workers")
    log = structlog.get_logger(PROGRAM)
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(workplace())
        except OSError as error:
            raise SettingsError(f"TMPDIR: no room for the metrics of the workers ({error}). Free some.") from error
        os.environ[MULTIPROCESS_DIR] = str(folder)
        _serve_metrics(settings, all_workers())
        log.info("starting", url=at.url, version=__version__, workers=options.workers)
        served = Supervisor(
            partial(worker.main, at),
            count=options.workers,
            on_death=partial(clear_dead_worker, folder),
            stop_seconds=partial(_stop_seconds, settings),
            # Else connections that no worker takes any more would still be made, to break at the end.
            on_stop=at.socket.close,
        ).run()
        tell_of_lost(Leftover(folder).take().count(b"\n"))
    log.info("stopped")
    return 0 if served else _FAILURE


def _stop_seconds(settings: "Settings") -> float:
    """What the workers may take to stop, by the present configuration, which they have read anew at each reload."""
    from apientreprise_gateway.gateway.settings import SettingsError, load

    try:
        present = load()
    except SettingsError:
        present = settings
    return max(each.drain_delay + each.stop_timeout for each in (settings, present))


def _serve_metrics(settings: "Settings", registry: "CollectorRegistry") -> None:
    from prometheus_client import start_http_server

    from apientreprise_gateway.gateway.settings import SettingsError

    if settings.metrics_port is None:
        return
    try:
        start_http_server(settings.metrics_port, registry=registry)
    except OSError as error:
        raise SettingsError(
            f"GATEWAY_METRICS_PORT: {settings.metrics_port} cannot be used ({error.strerror}). Choose another."
        ) from error


def _sandbox(options: argparse.Namespace) -> None:
    from functools import partial

    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.process import title
    from apientreprise_gateway.process.runner import Life, apart, listen, run
    from apientreprise_gateway.sandbox.app import create_app
    from apientreprise_gateway.sandbox.documents import Form

    logs.configure()
    error_rate = options.error_rate
    if error_rate is None:
        error_rate = 0.0 if options.fault is None else 1.0
    form = None if options.documents is None else Form(options.documents)
    app = create_app(latency_ms=options.latency_ms, error_rate=error_rate, fault=options.fault, form=form)
    at = listen(options.host, options.port)
    title.show(f"sandbox {at.address}")
    ready = partial(print, f"Fictive providers: {at.url} (Ctrl+C stops them)", flush=True)
    run([(app, at)], Life(ready=partial(apart, ready)))


def _tokens(command: str) -> Callable[[argparse.Namespace], int | None]:
    """A command of `cli_tokens`, which is imported when it runs."""

    def run(options: argparse.Namespace) -> int | None:
        from apientreprise_gateway.cli import tokens

        return tokens.COMMANDS[command](options)

    return run


def _inspect(options: argparse.Namespace) -> int:
    import asyncio

    import jwt

    from apientreprise_gateway.auth.access import authenticate
    from apientreprise_gateway.auth.token import TokenVerifier
    from apientreprise_gateway.contract.errors import Refusal
    from apientreprise_gateway.gateway.components import key_ring, key_set, token_registry
    from apientreprise_gateway.gateway.settings import load
    from apientreprise_gateway.observability import logs

    settings = load()
    logs.configure(level=settings.log_level)  # else they would stand in the JSON
    try:
        parts = jwt.decode_complete(options.token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, UnicodeError) as error:
        print(f"{PROGRAM}: this is no JWT ({error})", file=sys.stderr)
        return _FAILURE
    claims = parts["payload"]
    shown = {
        "header": parts["header"],
        "claims": claims,
        "issued": _instant(claims.get("iat")),
        "expires": _instant(claims.get("exp")),
    }
    valid = True
    if not settings.jwt_secrets and settings.jwks is None:
        shown["verdict"] = "not verified: neither GATEWAY_JWT_SECRETS nor GATEWAY_JWKS is set"
    else:
        try:
            public, registry = key_set(settings), token_registry(settings)
            if public is not None:
                asyncio.run(public.start())
            verifier = TokenVerifier(key_ring(settings, public))
            unknown = None if settings.redis_url is None else _take_revocations(registry)
            authenticate(options.token, verifier=verifier, registry=registry)
            shown["verdict"] = "valid" if unknown is None else f"valid, if it is not revoked: {unknown}"
            valid = unknown is None
        except Refusal as refusal:
            valid = False
            shown["verdict"] = f"refused with {refusal.status} {refusal.errors[0].code}"
    print(json.dumps(shown, indent=2, ensure_ascii=False))
    return 0 if valid else _FAILURE


def _take_revocations(registry: "TokenRegistry") -> str | None:
    """Have a registry know the revocations in Redis; why it does not, if Redis cannot be asked."""
    from apientreprise_gateway.auth.revocation import revocations
    from apientreprise_gateway.gateway.settings import SettingsError

    try:
        registry.revoke({jti: entry.at for jti, entry in _with_redis(revocations).items()})
    except SettingsError as error:
        return str(error)
    return None


def _bans(options: argparse.Namespace) -> None:
    from apientreprise_gateway.ratelimit.ban_index import bans

    rows = [
        {
            "ip": ban.address,
            "reason": ban.reason.value,
            "count": ban.count,
            "start": _instant(ban.start / 1e6),
            "end": _instant(ban.end / 1e6),
        }
        for ban in _with_redis(bans)
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
    elif rows:
        print_table(rows, ("ip", "reason", "count", "start", "end"))
    else:
        print("No address is banned.")


def _with_redis(ask: Callable[[Any], Awaitable[_T]]) -> _T:
    """What Redis answers; a `SettingsError` if it cannot be asked."""
    import asyncio

    from redis.exceptions import RedisError

    from apientreprise_gateway.gateway.settings import SettingsError, load
    from apientreprise_gateway.store.link import client, close
    from apientreprise_gateway.store.url import parse_url
    from apientreprise_gateway.store.words import is_refusal, redis_words

    url = load().redis_url
    if url is None:
        raise SettingsError("GATEWAY_REDIS_URL: no Redis is named. Set it to the gateway's own.")

    async def answer() -> _T:
        connection = client(parse_url(url.get_secret_value()), timeout=_REDIS_SECONDS)
        try:
            return await ask(connection)
        finally:
            await close(connection)

    try:
        return asyncio.run(answer())
    except (RedisError, OSError) as error:
        remedy = "Correct the URL, or the ACL of Redis." if is_refusal(error) else "Is it running?"
        raise SettingsError(f"GATEWAY_REDIS_URL: Redis cannot be asked ({redis_words(error)}). {remedy}") from error


def _instant(value: object) -> str | None:
    try:
        return datetime.fromtimestamp(value, UTC).isoformat() if isinstance(value, int | float) else None
    except (OverflowError, OSError, ValueError):
        return None


def _catalogue(options: argparse.Namespace) -> None:
    from apientreprise_gateway.gateway.settings import load
    from apientreprise_gateway.providers import PROVIDERS

    settings = load()
    rows = [
        {
            "path": endpoint.path,
            "operation": endpoint.operation,
            "provider": provider.name,
            "answer": endpoint.answer.value,
            "group": endpoint.group.name,
            "per_minute": getattr(settings, endpoint.group.figure.value),
            "scopes": list(endpoint.scopes),
            "cache": None if endpoint.cache is None else endpoint.cache.text,
            "summary": endpoint.summary,
        }
        for provider in PROVIDERS
        for endpoint in provider.endpoints
    ]
    if options.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    print_table(rows, ("path", "provider", "answer", "group", "per_minute", "scopes"))


def _openapi(_options: argparse.Namespace) -> None:
    from apientreprise_gateway.controlplane.openapi import document, to_yaml
    from apientreprise_gateway.providers import PROVIDERS

    print(to_yaml(document(PROVIDERS)), end="")


def _check(options: argparse.Namespace) -> int:
    from apientreprise_gateway.cli.check import check

    return check(options)
