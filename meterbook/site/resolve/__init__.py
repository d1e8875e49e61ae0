"""Models into the domain's Site: references resolved, days turned into instants, dated values into timelines."""

from __future__ import annotations

from meterbook.domain.calendar import Calendar
from meterbook.domain.plans import Opening
from meterbook.domain.site import Site
from meterbook.site.draft import Draft
from meterbook.site.resolve.dates import since
from meterbook.site.resolve.devices import connections, devices, points
from meterbook.site.resolve.meters import meters
from meterbook.site.resolve.money import allocations, emission_factors, tariffs
from meterbook.site.resolve.organisation import departments, people, spaces, teams
from meterbook.site.resolve.plans import plans, quotas, scores
from meterbook.site.resolve.rules import rules
from meterbook.site.resolve.stepdown import step_down


def resolve(draft: Draft, version: str) -> Site:
    """The site a draft without errors describes."""
    if draft.site is None:
        raise ValueError("a draft without site.yaml describes no site")
    organisation = draft.site.site
    country = organisation.workdays.country if organisation.workdays else None
    wired = devices(draft)
    offered = points(draft, wired)
    counted = meters(draft, wired)
    return Site(
        id=organisation.id,
        name=organisation.name,
        calendar=Calendar(draft.zone, country, tuple((term.from_, term.to) for term in draft.site.term_dates)),
        currency=organisation.currency,
        language=organisation.language,
        spaces=spaces(draft.site),
        departments=departments(draft.site, draft.zone),
        people=people(draft.site),
        teams=teams(draft.site),
        connections=connections(draft),
        devices=wired,
        points=offered,
        meters=counted,
        allocations=allocations(draft),
        tariffs=tariffs(draft),
        quotas=quotas(draft.quotas),
        scores=scores(draft.scores),
        plans=plans(draft.maintenance),
        rules=rules(draft, wired, counted),
        openings={id: Opening(since(used.from_, draft.zone), used.used) for id, used in draft.site.opening.items()},
        step_down=step_down(draft),
        emission_factors=emission_factors(draft),
        version=version,
    )
