"""Reading stores. Owns: readings, their conflicts, their durability. Does not own: what a reading means."""
