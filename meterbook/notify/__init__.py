"""Telling people. Owns: the words of a message, its way to a channel, retries. Does not own: who is told, and why."""
