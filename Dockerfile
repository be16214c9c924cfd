# One image for every room; `command` in docker-compose.yml says which. `bigquery` is the emulator's own (its pins fight ours).
# Base images are pinned by version; pin them by digest where you build for production.

FROM python:3.11.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
COPY requirements.lock .
RUN /venv/bin/pip install --require-hashes --no-deps -r requirements.lock

FROM python:3.11.13-slim-bookworm AS rooms
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin darkroom && install -d -o darkroom /var/spool/darkroom
WORKDIR /darkroom
COPY --from=build /venv /venv
COPY schemas schemas
COPY ingest ingest
COPY processors processors
COPY api api
COPY sql sql
COPY local local
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
# a health check in Python: the image has no curl, and should not
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=12 \
    CMD ["python", "-c", "import os,urllib.request as u; u.urlopen(os.environ['HEALTH_URL'], timeout=2)"]

FROM python:3.13.7-slim-bookworm AS bigquery
RUN useradd --uid 10002 --create-home --shell /usr/sbin/nologin bigquery && mkdir /data && chown bigquery /data
WORKDIR /darkroom
COPY local/pins/bigquery.lock .
RUN pip install --no-cache-dir --require-hashes --no-deps -r bigquery.lock
COPY local local
USER 10002
