"""The books. Owns: everything that lasts beside readings, one module of functions per domain. Decides nothing."""
