"""The web application: routers and what goes round them."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from api.edge import Edge
from api.errors import answer_errors, unexpected
from api.port import Rooms
from api.portal import accounting as account_pages
from api.portal import departments as department_pages
from api.portal import disputes as dispute_pages
from api.portal import docs, hand_readings, lines, login, plans, site
from api.portal import incidents as incident_pages
from api.portal import meters as meter_pages
from api.portal import statements as statement_pages
from api.portal.render import STATIC
from api.problem import ProblemDetails
from api.routers import (
    PREFIX,
    comparison,
    corrections,
    departments,
    disputes,
    exports,
    incidents,
    meters,
    points,
    quotas,
    readings,
    scores,
    service,
    statements,
    stepdown,
)

RESOURCES: tuple[APIRouter, ...] = (
    readings.router,
    points.router,
    meters.router,
    departments.router,
    exports.router,  # before statements: a department's name may hold dots, too
    statements.router,
    comparison.router,
    stepdown.router,
    disputes.router,
    corrections.router,
    quotas.router,
    scores.router,
    incidents.router,
)
"""Under /api/v1."""

PAGES: tuple[APIRouter, ...] = (
    service.router,
    docs.router,
    login.router,
    site.router,
    department_pages.router,
    statement_pages.router,
    lines.router,
    dispute_pages.router,
    plans.router,  # before the months: /accounting/quotas is none
    account_pages.router,
    incident_pages.router,
    meter_pages.router,
    hand_readings.router,
)
"""At the root: pages for people, and what probes and Prometheus ask for."""


def create_app(rooms: Rooms) -> FastAPI:
    """The application on the given rooms; several in one process do not disturb each other."""
    app = FastAPI(
        title="Meterbook",
        version=version("meterbook"),
        description="Readings, consumption, incidents and statements. Quantities and money are strings of decimals.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses={"default": {"model": ProblemDetails, "description": "what went wrong"}},
    )
    app.state.rooms = rooms
    for router in (*RESOURCES, *PAGES):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(Edge, unexpected=unexpected)
    answer_errors(app)
    return app
