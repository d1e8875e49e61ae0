"""Modbus. Owns: registers, reads, buses. Does not own: profiles, what a value means. It only ever reads."""
