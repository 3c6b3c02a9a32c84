# The gateway, and the sandbox of fictive providers, in one image.
#
#   docker build -t apientreprise-gateway .
#
# docs/deploy.md says how to run it. It needs no writable place but /tmp and the one of its documents, no privilege, and has
# no secret in it.

# The Python that the tests run on. A mirror's image is as good: --build-arg PYTHON_IMAGE=…
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/gateway
# A layer of its own: packages change less often than the source. Wheels alone, so that nothing is compiled or run here.
COPY requirements/run.txt requirements/
RUN python -m pip --python /opt/gateway/bin/python install --require-hashes --only-binary=:all: -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY docs docs
RUN /opt/gateway/bin/hatchling build -t wheel -d dist \
    && python -m pip --python /opt/gateway/bin/python install --no-index --no-deps dist/*.whl

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="apientreprise-gateway" \
      org.opencontainers.image.description="One gateway in front of the French public data providers" \
      org.opencontainers.image.licenses="MIT"
# By number, so that Kubernetes can see that it is not root.
RUN groupadd --system --gid 10001 gateway \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin gateway \
    && install --directory --owner=10001 --group=10001 --mode=0700 \
        /var/lib/apientreprise-gateway /var/log/apientreprise-gateway
COPY --from=build /opt/gateway /opt/gateway
# Documents are kept where GATEWAY_DOCUMENTS says: /var/lib/apientreprise-gateway/documents on a volume, or S3.
# What is temporary goes to /tmp: give it a tmpfs, or with S3, through which long documents pass there, a disk.
ENV PATH=/opt/gateway/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TMPDIR=/tmp
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
# First /readyz fails (GATEWAY_DRAIN_DELAY), then calls under way end (GATEWAY_STOP_TIMEOUT): give it that long to stop.
STOPSIGNAL SIGTERM
# Over TLS if the gateway speaks it; whom the certificate names is not what is asked here.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client as http, os, ssl, sys; at = ('127.0.0.1', 8080); tls = os.environ.get('GATEWAY_TLS_CERTIFICATE'); line = http.HTTPSConnection(*at, timeout=2, context=ssl._create_unverified_context()) if tls else http.HTTPConnection(*at, timeout=2); line.request('GET', '/readyz'); sys.exit(line.getresponse().status != 200)"]
ENTRYPOINT ["apientreprise-gateway"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
