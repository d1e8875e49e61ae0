"""Meterbook: every kilowatt-hour and every cubic metre has an owner."""

__version__ = "0.1.0"
