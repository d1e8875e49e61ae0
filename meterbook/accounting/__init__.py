"""Accounting. Owns: from readings to consumption, balance, allocation, charges and statements, as pure functions.

Does not own: readings (it asks for them through `port.Registers`), prices and rules (the site), what lasts (books).
The sentences it follows are those of docs/calculation.md.
"""
