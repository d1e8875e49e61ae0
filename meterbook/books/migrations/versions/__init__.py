"""One file per version; each names the one before it."""
