"""One router per resource."""

PREFIX = "/api/v1"
"""Where all of them stand; routes carry it themselves, so that metrics name them in full."""
