FROM python:3.11-slim AS packages
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_LINK_MODE=copy UV_NO_CACHE=1
COPY requirements/uv.txt requirements/runtime.txt ./
RUN python -m venv /venv \
 && pip install --require-hashes -r uv.txt \
 && uv pip sync --python /venv/bin/python --require-hashes runtime.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STATIC_ROOT=/app/static \
    VAR_DIR=/var/lib/capacity
# For PDFs: Pango lays the text out, DejaVu has the letters that our own fonts lack.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
 && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 10001 capacity \
 && useradd --system --uid 10001 --gid capacity --home-dir /var/lib/capacity --create-home capacity
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
RUN DATABASE_URL=postgres://none python manage.py collectstatic --noinput -v 0
USER capacity
EXPOSE 8000
CMD ["gunicorn", "config.wsgi:application", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4", "--preload", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--access-logfile", "-"]
