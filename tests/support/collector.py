"""A collector of spans, over real HTTP."""

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.stub import answer


class Collector:
    """A collector of spans, over real HTTP."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    async def serve(self, reader: Any, writer: Any) -> None:
        """Take what one connection brings."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:"))
                taken = ExportTraceServiceRequest.FromString(await reader.readexactly(length))
                for resource in taken.resource_spans:
                    for scope in resource.scope_spans:
                        self.spans += scope.spans
                writer.write(answer(b"", content_type="application/x-protobuf"))
                await writer.drain()
        except (EOFError, ConnectionError):
            writer.close()
