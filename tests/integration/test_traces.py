"""Traces: taken over from callers, passed on to providers, and recorded where that is asked for."""

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support import programs
from support.collector import Collector
from support.serving import serving
from support.site import GOOD, UNITE_LEGALE, Site, fresh
from support.site import site as started
from support.stub import always, answer
from support.tokens import SECRET
from support.wire import request, wire

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{PARENT}-01"


def _sent(site: Site, name: str) -> list[str]:
    """What the provider got under a header's name."""
    lines = site.provider.requests[-1].split("\r\n")
    return [value.strip() for key, _, value in (line.partition(":") for line in lines) if key.lower() == name]


def test_a_trace_is_passed_on(site: Site) -> None:
    """The provider takes part in the caller's trace, under the span that the access line names."""
    request_id = str(uuid.uuid4())
    headers = {"traceparent": GIVEN, "tracestate": "vendor=a", "X-Request-Id": request_id}
    assert site.call(token=fresh(), headers=headers).status_code == 200
    line = site.line(request_id)
    assert line["trace_id"] == TRACE
    assert _sent(site, "traceparent") == [f"00-{TRACE}-{line['span_id']}-01"]
    assert _sent(site, "tracestate") == ["vendor=a"]


@pytest.mark.parametrize("given", [None, "", "nonsense", f"00-{'0' * 32}-{PARENT}-01"])
def test_calls_without_a_trace(site: Site, given: str | None) -> None:
    """A call that brings no trace, or none that can be read, belongs to none."""
    request_id = str(uuid.uuid4())
    headers = {"X-Request-Id": request_id} | ({} if given is None else {"traceparent": given})
    assert site.call(token=fresh(), headers=headers).status_code == 200
    line = site.line(request_id)
    assert (line["trace_id"], line["span_id"]) == (None, None)
    assert _sent(site, "traceparent") == []


def test_headers_that_come_twice(site: Site) -> None:
    """A state in two headers is passed on in one; two parents are none."""
    state = b"tracestate: a=b\r\ntracestate: c=d"
    with wire(site.program.port) as line:
        for place, parents in enumerate((1, 2)):
            headers = {"X-Request-Id": f"twice-{place}", "MARK": ""}
            lines = [f"traceparent: {GIVEN}".encode()] * parents + [state]
            line.send(request(token=fresh(), headers=headers).replace(b"MARK: ", b"\r\n".join(lines)))
            assert line.answer().status == 200
            assert _sent(site, "tracestate") == ["a=b,c=d"] * (2 - parents)
            assert site.line(f"twice-{place}")["trace_id"] == (TRACE if parents == 1 else None)


def test_refused_calls_have_their_trace(site: Site) -> None:
    """The line of a refused call names the trace as well."""
    request_id = str(uuid.uuid4())
    site.call(token=None, headers={"traceparent": GIVEN, "X-Request-Id": request_id})
    assert site.line(request_id)["trace_id"] == TRACE


WITHOUT = """
import sys


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Finder())
"""
"""What makes Python behave as if the extra were not installed."""


def _attributes(span: Span) -> dict[str, Any]:
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in span.attributes}


def test_spans_reach_a_collector(tmp_path: Path) -> None:
    """A call is a span of the server, under the caller's, and one of the client for its provider."""
    collector, token = Collector(), fresh()
    with serving(collector.serve) as port:
        url = f"http://127.0.0.1:{port}/v1/traces"
        with started(tmp_path, GOOD, traces_url=url, traces_share="0") as site:
            site.call(token=token)
            site.call(token=token, headers={"traceparent": GIVEN[:-1] + "0"})
            site.call(token=token, headers={"traceparent": GIVEN})
            site.provider.handler = always(answer(b"", status=500))
            site.call(token=token, headers={"traceparent": GIVEN})
            assert site.program.stop() == 0
    assert len(collector.spans) == 4
    served = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    asked = [span for span in collector.spans if span.kind == Span.SPAN_KIND_CLIENT]
    for span in collector.spans:
        assert span.trace_id.hex() == TRACE
        assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 60e9
    assert {span.parent_span_id.hex() for span in served} == {PARENT}
    assert [span.parent_span_id for span in asked] == [span.span_id for span in served]
    assert [_attributes(span)["http.response.status_code"] for span in served] == [200, 502]
    assert [span.status.code for span in served] == [0, 2]
    assert served[0].name == "api_entreprise_v4_insee_unites_legales"
    assert _attributes(served[0])["http.route"] == UNITE_LEGALE.replace("130025265", "{siren}")
    assert [_attributes(span)["gateway.provider"] for span in asked] == ["insee"] * 2
    text = str(collector.spans)
    assert not any(secret in text for secret in (token, "130025265", "127.0.0.1", "agent-7", "13002526500013"))


def test_a_share_of_the_calls_begins_a_trace(tmp_path: Path) -> None:
    """Calls without a trace begin one, which providers take part in, if that is asked for."""
    collector = Collector()
    with serving(collector.serve) as port:
        url = f"http://127.0.0.1:{port}/v1/traces"
        with started(tmp_path, GOOD, traces_url=url, traces_share="1") as site:
            site.call(token=fresh())
            (line,) = site.lines()
            assert _sent(site, "traceparent") == [f"00-{line['trace_id']}-{line['span_id']}-01"]
            assert site.program.stop() == 0
    assert {span.trace_id.hex() for span in collector.spans if span.name == "insee"} == {line["trace_id"]}


def test_a_collector_that_is_away(tmp_path: Path) -> None:
    """Calls are answered and the gateway stops in time, whether spans can be sent or not."""
    with started(tmp_path, GOOD, traces_url="http://127.0.0.1:1/v1/traces", traces_share="1") as site:
        assert [site.call(token=fresh()).status_code for _ in range(20)] == [200] * 20
        assert site.program.stop(seconds=40) == 0
        assert len(site.program.access_lines()) == 20


def test_the_extra_is_missing(tmp_path: Path) -> None:
    """Without the packages the start is refused with a line that says what to install."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    settings = {"jwt_secrets": SECRET, "upstream_url": "http://127.0.0.1:1", "traces_url": "http://127.0.0.1:1"}
    refused = subprocess.run(
        [sys.executable, "-m", "apientreprise_gateway", "check"],
        env=programs.environment(**settings) | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "GATEWAY_TRACES_URL" in refused.stderr
    assert "apientreprise-gateway[otel]" in refused.stderr
    assert refused.stderr.count("\n") == 1
