"""What each file of a site directory may hold: one pydantic model per file, also the source of the JSON schemas."""
