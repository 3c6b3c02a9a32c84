"""The HTTP server's side of the contract: what only the connection can do.

uvicorn runs the server (sockets, workers, lifespan, stop); the protocol of its connections is ours, on the same
parser (httptools) and with uvicorn's own request cycle for ASGI applications. It adds six things: a connection can
be closed without a byte, a call is cancelled when its client goes away, heads are bounded, what is not HTTP gets a
coded answer, an application that can do without ASGI's messages is called directly, and TLS is the application's as
it is when a connection comes (`application.ConnectionHooks`), so that a certificate can be replaced.
"""

import asyncio
import logging
import select
import ssl
from collections import deque
from collections.abc import Awaitable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from types import coroutine
from typing import Any, Final, TypeVar, cast
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from apientreprise_gateway.net.asgi import Header, Scope
from apientreprise_gateway.net.header_lines import lines_of
from apientreprise_gateway.net.write_batch import outbox_of
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.server import heads
from apientreprise_gateway.server.application import CONNECTION, Application, ClientGoneError
from apientreprise_gateway.server.buffers import SMALL_BYTES
from apientreprise_gateway.server.limits import Closing, ConnectionLimits
from apientreprise_gateway.server.readers import Reader
from apientreprise_gateway.server.requests import Request

BACKLOG: Final = 4096
"""Connections that may wait to be accepted."""
_PIECE_BYTES: Final = 4 * 1024
"""What the parser is given at once: so closely are the bounds of a request kept, and so many wait for their turn."""
_QUEUED_BYTES: Final = 2048
"""What a request weighs that waits for its turn."""
_NOT_HTTP: Final = "00401"
_LAST_OF_BLANK: Final = b"\r"
"""No request line begins with a byte up to this one."""
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_JOINED_BYTES: Final = 32 * 1024
"""Up to this length a body is copied behind its head: cheaper than handing the system two pieces."""
_SHUTDOWN_SECONDS: Final = 600.0
"""The longest that TLS may take to hand over its last bytes; who takes none of them is let go long before."""
_EVICTED_SHARE: Final = 20
"""One in so many connections makes room, at least one, when there are too many."""
_HEAD_SECONDS: Final = 1.0
"""A client that takes longer for a request makes room for others, when there are too many."""
_PRESENCE_SECONDS: Final = 0.25
"""How often it is looked whether a client is still there from whom nothing is read."""
_FULL_SECONDS: Final = 0.05
"""So long after a look for room that found none, none is looked for: it takes a millisecond, and they may come fast."""
_log = logging.getLogger("uvicorn.error")
_faults = FaultLog()
_T = TypeVar("_T")


class State(ServerState):
    """What the connections of a server share."""

    draining: bool = False
    """Whether each connection is to be closed with its next answer, since the server is about to stop."""
    full_until: float = 0.0
    """Until when no room is looked for."""
    _told: tuple[list[Header], bytes] | None = None

    def default_lines(self) -> bytes:
        """The default headers as lines; uvicorn makes a new list of them every second."""
        headers = self.default_headers
        if self._told is None or self._told[0] is not headers:
            self._told = headers, lines_of(headers)
        return self._told[1]


class Server(uvicorn.Server):
    """uvicorn's server, with our state."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state: State = State()


class _HeadRefusedError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Exchange:
    """A call that is answered directly; has what `GatewayProtocol` reads of uvicorn's cycle as well."""

    __slots__ = ("_on", "disconnected", "keep_alive", "response_complete", "scope")

    def __init__(self, on: "GatewayProtocol", scope: Scope, *, keep_alive: bool) -> None:
        self._on = on
        self.scope = scope
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False

    async def respond(self, status: int, lines: bytes, body: bytes) -> None:
        """See `application.Respond`. A client that does not read holds up its own next answer, and nobody else's."""
        on, transport = self._on, self._on.transport
        if on.flow.write_paused:
            await on.reader.drain(on.flow, len(body))
        gone = self.disconnected or transport.is_closing()
        if not gone:
            head = on.head(status, lines, len(body), keep_alive=self.keep_alive)
            if self.scope["method"] == "HEAD":
                on.outbox.add(on, head)
            elif len(body) <= _JOINED_BYTES:
                on.outbox.add(on, head + body)
            else:
                on.outbox.flush()
                transport.writelines((head, body))
        self.response_complete = True
        if not self.keep_alive:
            on.outbox.flush()
            transport.close()
        on.answered()
        if gone:
            raise ClientGoneError


_Cycle = RequestResponseCycle | _Exchange


class GatewayProtocol(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport
    flow: FlowControl
    _tcp: asyncio.Transport
    """What carries the transport; itself without TLS."""
    reader: Reader
    _presence_check: asyncio.TimerHandle | None = None
    """Looks whether the client is still there, while nothing is read from it that would tell."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: State,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Take what uvicorn's server hands to the protocol of each connection."""
        self.config = config
        self.app: Application = config.loaded_app
        self.app_state = app_state
        self.loop = _loop or asyncio.get_running_loop()
        self.server_state = server_state
        self.outbox = outbox_of(self.loop)
        self.parser: Any = httptools.HttpRequestParser(self)
        # So that of pipelined requests those before a `Connection: close` are answered.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int | None] | None = None
        self.scheme = "http"
        self.cancels = False
        self.lost = False
        self._last: _Cycle | None = None
        """The last request that was read."""
        self._current: _Cycle | None = None
        """The one being answered; with pipelining it may be an earlier one."""
        self._task: asyncio.Task[None] | None = None
        """The task that answers it."""
        self._turns: asyncio.Task[None] | None = None
        """The one that answers all requests that are answered directly: a new task for each would cost 2 µs."""
        self._turn: asyncio.Future[_Exchange | None] | None = None
        """What that one waits for when none is left."""
        self._due: _Exchange | None = None
        """What it answers next, if it is not waiting."""
        self._next: deque[_Cycle] = deque()
        """Those that were read after it."""
        self._url = b""
        self._headers: list[Header] = []
        self._header_bytes = self._header_count = self._ignored_bytes = 0
        self._has_host = False
        self._framing_bytes = 0
        """Of the request that is read, less those of its body."""
        self._blank = b""
        """Empty lines that came before it."""
        self._body_bytes = 0
        self._bad_code = _NOT_HTTP
        self._refuses = False
        self._limits: ConnectionLimits = self.app.hooks.limits
        self._reads_head = self._reads_body = False
        self._handshake: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        """Ends the wait for the rest of a request."""
        self._unread = b""
        """What has come behind more requests than are read at once."""
        self._request = Request(self, self._limits.unanswered)
        self.idle_since: float | None = None
        self._idle_timer: asyncio.TimerHandle | None = None

    @property
    def closing(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self.lost or self.transport.is_closing()

    def put(self, data: bytes) -> None:
        """Write an answer, see `Outbox`."""
        if self.transport.is_closing():
            return
        self.transport.write(data)
        if self.reader.unsent():
            self.reader.watch()

    def has_room(self, count: int) -> bool:
        """Whether an answer of so many bytes may be given, with all that others have not taken yet."""
        return self._limits.untaken.has_room(count)

    def drop(self) -> None:
        """Close the connection without writing anything more."""
        if self._current is not None:
            self._current.disconnected = True
        self._next.clear()
        self._hang_up()

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP gives no less
        """Begin; close at once the connection of a banned peer."""
        self.server_state.connections.add(self)  # type: ignore[arg-type]  # uvicorn lists its own protocols
        self.transport = self._tcp = transport
        self.reader = Reader(
            transport,
            patience=self._limits.client_timeout,
            budget=self._limits.untaken,
            on_slow=partial(self.cut, Closing.SLOW_READER),
            on_taken=self._all_taken,
        )
        self.flow = FlowControl(transport)
        self.server = get_local_addr(transport)
        self.client = get_remote_addr(transport)
        if len(self.server_state.connections) > self._limits.max_connections and not self._makes_room():
            self.cut(Closing.FULL)
            return
        self._be_patient()
        if self.client is not None and self.app.hooks.drops_peer(self.client[0]):
            transport.close()
            return
        tls = self.app.hooks.tls
        if tls is not None:
            starting = self.loop.start_tls(
                transport,
                self,
                tls,
                server_side=True,
                ssl_handshake_timeout=self._limits.client_timeout,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
            # Begun at once: uvloop reads from the end of this method on, and what comes must find TLS in place.
            rest = _rest_of(starting, starting.send(None))
            self._handshake = self.loop.create_task(self._shake_hands(rest))

    async def _shake_hands(self, starting: Awaitable[asyncio.Transport | None]) -> None:
        """Go on in TLS. Until then this is a connection like others: counted, and bounded by the same patience."""
        secured = None
        try:
            secured = await starting
        except ssl.SSLError:
            self._limits.on_closed(Closing.HANDSHAKE)
        except OSError:
            pass  # the client has gone
        if secured is None or self._tcp.is_closing():
            self.connection_lost(None)  # nobody else tells
            return
        self.transport = secured
        secured.set_write_buffer_limits(high=HIGH_WATER_LIMIT)  # as without TLS; it would be eight times as much
        self.reader.secured(secured)
        self.flow = FlowControl(secured)
        self.scheme = "https"

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the call that the client no longer waits for."""
        if self.lost:
            return
        self.lost = True
        self.server_state.connections.discard(self)
        for cycle in (self._current, self._last):
            if cycle is None:
                continue
            if not cycle.response_complete:
                cycle.disconnected = True
            if isinstance(cycle, RequestResponseCycle):
                cycle.message_event.set()
        self.flow.resume_writing()
        if exc is None:
            self.transport.close()
        for timer in (self._idle_timer, self._patience, self._presence_check):
            if timer is not None:
                timer.cancel()
        self.reader.close()
        self._request.end()
        self.parser, self._unread = None, b""
        self._give_turn(None)
        if self.cancels and self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Read requests."""
        if self._refuses:
            self._ignore(len(data))
            return
        if self._unread:
            self._unread += data
            self._request.enter()
            return
        if (data[:1] <= _LAST_OF_BLANK or self._blank) and not self._reads_body:
            data = self._pass_over_blank(data)
            if not data:
                return  # nothing has begun: it waits for a request as before
        self.idle_since = None
        if len(data) <= _PIECE_BYTES:
            self._read(data)
        else:
            self._read_pieces(data)
        if self._reads_head and self._patience is None:
            self._be_patient()

    def _read_pieces(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE_BYTES):
            if self._refuses or self.transport.is_closing():
                break
            if self._next:
                self._unread = data[start:]  # once these have had their turn
                break
            self._read(data[start : start + _PIECE_BYTES])
        self._request.enter()

    def unanswered(self) -> int:
        """How many bytes are held of requests, roughly."""
        held = len(self._unread) + _QUEUED_BYTES * len(self._next)
        if self._reads_head:
            return held + self._framing_bytes
        last = self._last
        if last is None or last.response_complete:
            return held
        body = len(last.body) if isinstance(last, RequestResponseCycle) else 0
        return held + body + self._header_bytes + len(self._url)

    def reads_head_since(self) -> float | None:
        """Since when the head of a request has been coming in; None if none is."""
        if self._patience is None or not self._reads_head:
            return None
        return self._patience.when() - self._limits.client_timeout

    def _pass_over_blank(self, data: bytes) -> bytes:
        """What is left without the empty lines before a request."""
        passed = heads.blank_before(self._blank, data)
        if passed is None:
            self._refuse()
            return b""
        self._blank, data = passed
        return data

    def _ignore(self, count: int) -> None:
        """Let lie what comes after what was refused; some of it is read, as nothing else shows that a client leaves."""
        self._ignored_bytes += count
        if self._ignored_bytes > HIGH_WATER_LIMIT:
            self._pause_reading()

    def _read(self, data: bytes) -> None:
        rest = data
        try:
            while rest:
                try:
                    self.parser.feed_data(rest)
                except httptools.HttpParserUpgrade as offered:
                    # Not taken: the answer is HTTP/1.1, and so is what comes after it. But not what the parser takes
                    # for that: it skips the body of such a request, which would then be read as another one.
                    if any(name in _FRAMING for name, _ in self._headers):
                        self._refuse()
                        return
                    rest = rest[offered.args[0] :]
                else:
                    break
        except httptools.HttpParserError as error:
            if self._reads_head and self._bad_code == _NOT_HTTP:
                self._bad_code = heads.code_of(str(error), self._url, rest)
            self._refuse()
            return
        if self._reads_head and self._lacks_version(rest):
            self._refuse()
        elif self._reads_body:
            self._bound_framing(len(data))
            if self._framing_bytes > SMALL_BYTES or self._body_bytes > SMALL_BYTES:
                self._request.enter()

    def _lacks_version(self, data: bytes) -> bool:
        parser = self.parser
        return heads.lacks_version(parser.get_http_version(), parser.get_method(), self._url, data)

    def _bound_framing(self, count: int) -> None:
        """Let go of who sends ever more of what is no body."""
        self._framing_bytes += count
        if self._framing_bytes <= heads.MAX_FRAMING_BYTES:
            return
        if self._reads_head or (self._last is not None and not self._last.response_complete):
            self._bad_code = "00407"
            self._refuse()
        else:
            self.outbox.flush()  # it has its answer
            self.transport.abort()

    def eof_received(self) -> None:
        """Let the transport close: who sends no more waits for no answer."""
        self.outbox.flush()

    def pause_writing(self) -> None:
        """Hold the next answer back: the client does not read the last ones."""
        self.flow.pause_writing()
        self.reader.watch_anew()

    def resume_writing(self) -> None:
        """Go on."""
        self.flow.resume_writing()
        self.reader.resumed(last=self._last is None or self._last.response_complete)

    def shutdown(self) -> None:
        """Close, after the answer to the last request that was read."""
        self.server_state.draining = True
        if self._last is not None and not self._last.response_complete:
            self._last.keep_alive = False
        elif not self._reads_head:  # a request that is coming in is still answered
            self._hang_up()

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._reads_head = self._reads_body = True
        self.idle_since = None
        self._url = self._blank = b""
        self._headers = []
        self._header_bytes = self._header_count = 0
        self._has_host = False
        self._framing_bytes = 0
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take the target, or a piece of it, and bound it."""
        self._url += url
        if len(self._url) > heads.MAX_TARGET_BYTES:
            self._refuse_head("00406")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, and bound them all."""
        self._header_bytes += len(name) + len(value) + heads.HEADER_WEIGHT
        self._header_count += 1
        if self._header_bytes > heads.MAX_HEADER_BYTES or self._header_count > heads.MAX_HEADERS:
            self._refuse_head("00407")
        if not self._reads_head:
            return  # a trailer is no header: it neither authenticates a call nor says whom it comes from
        name = name.lower()
        if name == b"host":
            if self._has_host:
                self._refuse_head(_NOT_HTTP)  # RFC 9112, section 3.2: a proxy may have believed the other one
            self._has_host = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Start to answer; a pipelined request waits for its turn."""
        parser = self.parser
        self._reads_head = False
        if self._patience is not None:
            self._stop_waiting()
        version = parser.get_http_version()
        if version not in heads.VERSIONS:
            self._refuse_head(_NOT_HTTP)
        keep_alive = parser.should_keep_alive() and version != "1.0" and not self.server_state.draining
        method = str(parser.get_method(), "ascii")
        raw_path, query_string, host = heads.split_target(self._url, method)
        if host is not None:
            self._headers = heads.with_host(self._headers, host)
        path = str(raw_path, "ascii")
        if "%" in path and len(path) <= heads.MAX_DECODED_PATH_BYTES:
            path = unquote(path)
        scope: Scope = {
            "type": "http",
            "method": method,
            "raw_path": raw_path,
            "query_string": query_string,
            "headers": self._headers,
            "client": self.client,
            "server": self.server,
            "scheme": self.scheme,
            CONNECTION: self,
        }
        cycle: _Cycle
        if self.app.hooks.takes(path):
            cycle = _Exchange(self, scope, keep_alive=keep_alive)
        else:
            cycle = _asgi_cycle(self, scope, path, keep_alive=keep_alive)
        before, self._last = self._last, cycle
        if before is None or before.response_complete:
            self._start(cycle)
        else:
            self._pause_reading()
            self._next.append(cycle)

    def on_body(self, body: bytes) -> None:
        """Hand over a body, or let it lie; read no more of it than is asked for."""
        self._framing_bytes -= len(body)
        cycle = self._last
        if cycle is None or cycle.response_complete:
            return
        self._body_bytes += len(body)
        if isinstance(cycle, RequestResponseCycle):
            cycle.body += body
            cycle.message_event.set()
            self._body_bytes = len(cycle.body)
        if self._body_bytes > HIGH_WATER_LIMIT:
            self._pause_reading()

    def on_message_complete(self) -> None:
        """Tell an ASGI application that it has the whole body."""
        self._reads_body = False
        if self._patience is not None:
            self._stop_waiting()
        cycle = self._last
        if isinstance(cycle, RequestResponseCycle) and not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()
        elif cycle is None or cycle.response_complete:
            self._pause_is_over()  # the answer came before the end of the body

    # Answering.

    def _start(self, cycle: _Cycle) -> None:
        self._current = cycle
        tasks = self.server_state.tasks
        if isinstance(cycle, _Exchange):
            task = self._turns
            if task is None:
                task = self._turns = self.loop.create_task(self._take_turns(cycle))
            else:
                self._give_turn(cycle)
        else:
            task = self.loop.create_task(cycle.run_asgi(cast(Any, self.app)))
            task.add_done_callback(tasks.discard)
        self._task = task
        tasks.add(task)

    def _give_turn(self, exchange: _Exchange | None) -> None:
        if self._turn is None:
            self._due = exchange
        elif not self._turn.done():
            self._turn.set_result(exchange)

    async def _take_turns(self, exchange: _Exchange | None) -> None:
        """Have requests answered, one after the other, until the connection is lost."""
        task: Any = asyncio.current_task()
        tasks = self.server_state.tasks
        try:
            while exchange is not None:
                self.outbox.calls += 1
                try:
                    await self.app.hooks.answer(exchange.scope, exchange.respond)
                except BaseException as error:  # as uvicorn does: whatever happens, the client is answered
                    _faults.tell("answer_failed", error)
                    if not exchange.response_complete:
                        exchange.keep_alive = False
                        await exchange.respond(500, b"", b"")
                    if not isinstance(error, Exception):
                        return
                finally:
                    self.outbox.calls -= 1
                exchange, self._due = self._due, None
                if exchange is None and not self.lost:
                    tasks.discard(task)  # one that waits for nothing but a request holds up no stop
                    self._turn = self.loop.create_future()
                    exchange = await self._turn
                    self._turn = None
        finally:
            tasks.discard(task)

    def head(self, status: int, lines: bytes, length: int, *, keep_alive: bool) -> bytes:
        """The head of an answer whose body has a length."""
        end = b"\r\n" if keep_alive else b"connection: close\r\n\r\n"
        return b"%b%b%bcontent-length: %d\r\n%b" % (
            STATUS_LINE[status],
            self.server_state.default_lines(),
            lines,
            length,
            end,
        )

    def answered(self) -> None:
        """Go on with the next request, or wait for it."""
        self.server_state.total_requests += 1
        if self.reader.unsent():
            self.reader.watch()
        if self.transport.is_closing():
            self._close_below()
            return
        if self._request.weighs:
            self._request.enter()
        if self._next:
            self._start(self._next.popleft())
        elif not self._unread:
            self._pause_is_over()
        else:
            self._read_the_rest()

    def _read_the_rest(self) -> None:
        """Read what has come behind the requests that have had their turn."""
        data, self._unread = self._unread, b""
        self._last = None
        self.data_received(data)
        if self._last is None:
            self._pause_is_over()
        elif not self._next and not self._unread:
            self.flow.resume_reading()

    def _pause_is_over(self) -> None:
        """Read on; there is nothing left to answer."""
        self.flow.resume_reading()
        if self._reads_body:
            self._be_patient()
            return
        # Until the next request nothing is held of this one.
        self._last = self._current = None
        self._url, self._headers = b"", []
        # One timer for many answers: it is set again when it fires too early.
        self.idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self._limits.keep_alive, self._close_if_idle)

    def _close_if_idle(self) -> None:
        self._idle_timer = None
        if self.idle_since is None or self.transport.is_closing():
            return
        left = self.idle_since + self._limits.keep_alive - self.loop.time()
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._close_if_idle)
        else:
            self._hang_up()

    # Letting go.

    def _hang_up(self) -> None:
        """Close, once the client has taken what was written."""
        self.outbox.flush()
        self.transport.close()
        self._close_below()

    def _close_below(self) -> None:
        """Close what carries TLS, which would wait for the client to say that it closes as well; few do."""
        if self._tcp is not self.transport and not self.transport.get_write_buffer_size():
            self._tcp.close()

    def _all_taken(self) -> None:
        if self.transport.is_closing():
            self._close_below()

    def cut(self, reason: Closing) -> None:
        """Close at once, what was written or not."""
        self._limits.on_closed(reason)
        self.transport.abort()

    def _makes_room(self) -> bool:
        """Close the connections that can best be done without; False if there are none."""
        now = self.loop.time()
        if now < self.server_state.full_until:
            return False
        connections: set[GatewayProtocol] = self.server_state.connections  # type: ignore[assignment]  # uvicorn's own
        going = sum(each.transport.is_closing() for each in connections)
        if len(connections) - going <= self._limits.max_connections:
            return True
        waiting = sorted(
            (since for each in connections if (since := each._waits_since(now)) is not None),
            key=lambda since: since[:2],
        )
        for *_, each in waiting[: max(1, self._limits.max_connections // _EVICTED_SHARE)]:
            each.cut(Closing.EVICTED)
        if not waiting:
            self.server_state.full_until = now + _FULL_SECONDS
        return bool(waiting)

    def _waits_since(self, now: float) -> "tuple[bool, float, GatewayProtocol] | None":
        """Whether it may well wait for its next request, and since when it waits; None if it has something to do."""
        if self.transport.is_closing():
            return None
        if self.idle_since is not None:
            return True, self.idle_since, self
        if self._patience is None or (self._last is not None and not self._last.response_complete):
            return None
        since = self._patience.when() - self._limits.client_timeout
        return None if now - since < _HEAD_SECONDS else (False, since, self)

    def _be_patient(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(self._limits.client_timeout, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        answers = self._last is not None and not self._last.response_complete
        if answers or self.flow.read_paused:
            self._be_patient()  # it is we who do not read
        elif not self.transport.is_closing():
            self.cut(Closing.SLOW_REQUEST)

    def _pause_reading(self) -> None:
        """Read no more for now; the system knows all the same when the client goes."""
        self.flow.pause_reading()
        if self._presence_check is None:
            self._presence_check = self.loop.call_later(_PRESENCE_SECONDS, self._check_presence)

    def _check_presence(self) -> None:
        self._presence_check = None
        if not self.flow.read_paused or self.transport.is_closing():
            return
        if self.cancels and _has_gone(self._tcp):
            self.transport.abort()
        else:
            self._presence_check = self.loop.call_later(_PRESENCE_SECONDS, self._check_presence)

    # Refusing.

    def _refuse_head(self, code: str) -> None:
        self._bad_code = code
        raise _HeadRefusedError(code)  # the parser turns it into the error that ends in `_refuse`

    def _refuse(self) -> None:
        """Answer what is not an acceptable HTTP request, and close."""
        if self._refuses:
            return
        self._refuses = True
        if self._last is not None and not self._last.response_complete:
            self._last.keep_alive = False  # a call came before it: the connection ends with that one's answer
            return
        task = self._task = self.loop.create_task(self._answer_bad_request())
        self.cancels = True
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    async def _answer_bad_request(self) -> None:
        peer = self.client[0] if self.client else None
        answer = await self.app.hooks.on_bad_request(peer, self._bad_code)
        if answer is not None and not self.transport.is_closing():
            status, body = answer
            lines = b"content-type: application/json\r\n"
            self.outbox.flush()
            self.transport.write(self.head(status, lines, len(body), keep_alive=False) + body)
        self._hang_up()


def _asgi_cycle(on: GatewayProtocol, scope: Scope, path: str, *, keep_alive: bool) -> RequestResponseCycle:
    whole: Any = {
        **scope,
        "asgi": {"version": on.config.asgi_version, "spec_version": "2.3"},
        "http_version": on.parser.get_http_version(),
        "path": path,
        "root_path": "",
        "state": on.app_state.copy(),
    }
    return RequestResponseCycle(
        scope=whole,
        transport=on.transport,
        flow=on.flow,
        logger=_log,
        access_logger=_log,
        access_log=False,
        default_headers=on.server_state.default_headers,
        message_event=asyncio.Event(),
        expect_100_continue=any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"]
        ),
        keep_alive=keep_alive,
        on_response=on.answered,
    )


def _has_gone(transport: asyncio.Transport) -> bool:
    """Whether the other side has closed, which shows behind all that was not read yet."""
    found = select.poll()
    with suppress(OSError, ValueError):  # a connection that is gone
        found.register(transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
        return bool(found.poll(0))
    return True


@coroutine
def _rest_of(begun: Coroutine[Any, Any, _T], waits_for: Any) -> Generator[Any, Any, _T]:
    """What is left of a coroutine whose first step has been made."""
    try:
        while True:
            try:
                given = yield waits_for
            except BaseException as error:
                waits_for = begun.throw(error)
            else:
                waits_for = begun.send(given)
    except StopIteration as end:
        result: _T = end.value
        return result


def config(app: Application, *, host: str, port: int) -> uvicorn.Config:
    """The server's configuration for an ASGI application."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=GatewayProtocol,
        ws="none",
        loop="uvloop",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
    )
