"""Readings that programs push. Own: what a body says, in each of its formats. Do not own: HTTP (api)."""
