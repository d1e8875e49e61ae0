"""The HTTP API and the portal. Own: who may see what, and how it looks. Write no SQL."""
