# Killcord's worker and command line. `docker run IMAGE` starts a worker; `docker run IMAGE topics create` and so on.
FROM python:3.13-slim AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.lock deploy/lock_part.py ./
RUN python lock_part.py requirements.lock > runtime.lock
RUN python lock_part.py requirements.lock setuptools > build.lock
RUN python -m venv /build
RUN /build/bin/pip install --require-hashes -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY detectors detectors
COPY monitor monitor
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels .
RUN python -m venv /opt/killcord
RUN /opt/killcord/bin/pip install --require-hashes -r runtime.lock
RUN /opt/killcord/bin/pip install --no-deps --no-index --find-links wheels killcord

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent killcord
COPY --from=build /opt/killcord /opt/killcord
# Metrics and health must be reached from outside the container; nothing else listens.
ENV PATH=/opt/killcord/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    KILLCORD_METRICS_HOST=0.0.0.0
USER killcord
EXPOSE 9464 9465
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('KILLCORD_METRICS_PORT', '9464') + '/healthz', timeout=4)"]
ENTRYPOINT ["killcord"]
CMD ["worker"]
