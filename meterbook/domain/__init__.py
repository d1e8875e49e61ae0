"""Pure values and rules of the field. Nothing here reads a file, a socket or the clock."""
