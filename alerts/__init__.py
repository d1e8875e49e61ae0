"""The alert engine. Owns: rules evaluated on event time, decisions. Does no I/O and never asks the clock."""
