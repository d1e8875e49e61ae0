"""Collectors. Own: protocols in, samples out, reconnects. Do not own: what a value means, where it is kept."""
