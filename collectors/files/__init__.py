"""Tables of readings in CSV and XLSX files.

Own: what the cells of a file say. Do not own: what becomes of the readings (the pipeline), the command (`import`).
"""

from collectors.files.cells import Sign
from collectors.files.delimited import Encoding
from collectors.files.source import rows
from collectors.files.stamps import Dates
from collectors.files.table import NotReadable

__all__ = ["Dates", "Encoding", "NotReadable", "Sign", "rows"]
