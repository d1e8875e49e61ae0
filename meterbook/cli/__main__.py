"""`python -m meterbook.cli`."""

from meterbook.cli import main

main()
