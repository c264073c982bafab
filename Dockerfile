# Wheels from the hash-pinned lock and bytecode for a read-only file system, on a base without shell or pip.
ARG BUILD=python:3.11-slim-bookworm
ARG BASE=gcr.io/distroless/python3-debian12:nonroot

FROM ${BUILD} AS build
WORKDIR /build
COPY requirements/run.txt ./
RUN python -m pip install --no-cache-dir --no-compile --no-deps --only-binary :all: --require-hashes \
        --target /app -r run.txt \
    && rm -rf /app/bin
COPY kapagate /app/kapagate
COPY LICENSE NOTICE /app/
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /app -p /app /app

FROM ${BASE}
LABEL org.opencontainers.image.title="kapagate" \
      org.opencontainers.image.description="A reverse-proxy sidecar in front of the Kapa.ai API" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app /app
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 65532:65532
EXPOSE 8080 8082
ENTRYPOINT ["/usr/bin/python3.11", "-m", "kapagate"]
CMD ["run", "/etc/kapagate"]
