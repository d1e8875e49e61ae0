"""How the service is: for probes, for Prometheus and for those who write programs."""

from __future__ import annotations

from http import HTTPStatus
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.port import Here
from api.readiness import readiness
from api.schemas.service import Health, Readiness
from api.scope import Need, Viewer, allow, viewer_of
from meterbook.telemetry import REGISTRY

router = APIRouter(tags=["service"])

_PROXIED = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip"}
)


@router.get("/healthz")
def healthz() -> Health:
    """The process runs and answers."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "not everything works; the reasons"}})
def readyz(rooms: Here, response: Response) -> Readiness:
    """Whether everything that should work does."""
    found = readiness(rooms)
    if not found.ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return found


def metrics_reader(request: Request, viewer: Annotated[Viewer | None, Depends(viewer_of)]) -> None:
    """Programs on this machine, and those who may see metrics."""
    if not _from_this_machine(request):
        allow(Need.METRICS)(request, viewer)


def _from_this_machine(request: Request) -> bool:
    """Whether a request came from here and was meant for here: what a proxy beside us forwards was neither."""
    peer = request.client.host if request.client is not None else ""
    forwarded = any(name in _PROXIED or name.startswith("x-forwarded-") for name in request.headers)
    return _is_loopback(peer) and _is_loopback(_host(request.headers.get("host", ""))) and not forwarded


def _host(header: str) -> str:
    """The name or address of a Host header, without its port."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@router.get("/metrics", dependencies=[Depends(metrics_reader)], response_class=Response)
def metrics() -> Response:
    """The service's own figures, for Prometheus."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
