"""Logs and metrics of the service itself."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

READINGS = Counter("meterbook_readings", "Readings by what the store made of them", ["outcome"], registry=REGISTRY)
QUARANTINED = Counter("meterbook_quarantined", "Rows that no reading could be made of", ["source"], registry=REGISTRY)
REFUSED = Counter("meterbook_intake_refused", "Deliveries the full intake refused", ["source"], registry=REGISTRY)
INTAKE_DEPTH = Gauge("meterbook_intake_depth", "Deliveries waiting for the disk", registry=REGISTRY)
COMMIT_SECONDS = Histogram("meterbook_commit_seconds", "Time from taking a batch to its commit", registry=REGISTRY)
SPOOL_BYTES = Gauge("meterbook_spool_bytes", "Bytes that wait for the remote store", registry=REGISTRY)
SPOOL_FILL = Gauge("meterbook_spool_fill", "Share of the spool's limits in use, by bytes or age", registry=REGISTRY)
SPOOL_REFUSED = Counter("meterbook_spool_refused", "Batches the full spool refused", registry=REGISTRY)
STORE_LOST = Counter("meterbook_store_lost", "Readings a store lost and was given again", registry=REGISTRY)
SPOOL_DAMAGED = Counter("meterbook_spool_damaged", "Damaged records found in the spool", registry=REGISTRY)
STORE_FAILURES = Counter("meterbook_store_failures", "Attempts the remote store did not take", registry=REGISTRY)
REMOVED = Counter("meterbook_readings_removed", "Old raw readings that retention let go", ["how"], registry=REGISTRY)
SOURCE_UP = Gauge("meterbook_source_up", "1 while a connection delivers", ["source"], registry=REGISTRY)
DEVICE_FAILURES = Counter("meterbook_device_failures", "Failed polls of a device", ["device"], registry=REGISTRY)
INCIDENTS = Counter("meterbook_incidents", "Incidents raised", ["rule", "severity"], registry=REGISTRY)
MESSAGES = Counter("meterbook_messages", "Messages and what became of them", ["channel", "outcome"], registry=REGISTRY)
HTTP_SECONDS = Histogram("meterbook_http_seconds", "Answer times by route", ["route"], registry=REGISTRY)


def log(name: str) -> Any:
    """The logger of a room; events are words, facts are keyword arguments, secrets are never either."""
    return structlog.get_logger(name)


def configure(*, json: bool, level: str = "info") -> None:
    """Log to stderr: JSON lines for machines, or columns for people."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
