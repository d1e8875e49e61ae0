"""Reports. Own: statements and scores as files for people and other programs. Do not own: any figure but sums."""
