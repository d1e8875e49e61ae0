"""Everything that takes more than one entry to judge: references, trees, formulas, schedules, rules."""

from __future__ import annotations

from meterbook.site.check import allocations, devices, meters, organisation, plans, rules, service, stepdown, tariffs
from meterbook.site.check.offers import offers
from meterbook.site.draft import Draft


def check(draft: Draft) -> None:
    """Add every mistake across the files to the draft's problems.

    What an entry that was refused would have declared counts as declared: one mistake gives one complaint.
    """
    offered = offers(draft)
    organisation.check(draft)
    devices.check(draft)
    meters.check(draft, offered)
    allocations.check(draft)
    stepdown.check(draft)
    tariffs.check(draft)
    plans.check(draft)
    rules.check(draft, offered)
    service.check(draft)
