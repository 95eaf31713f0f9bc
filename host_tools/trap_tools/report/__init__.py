"""The report of a pulled folder: numbers, photographs and troubles on one page that a person likes to read."""

from trap_tools.report.page import build
from trap_tools.report.summary import UnitSummary, summaries
from trap_tools.report.table import print_table

__all__ = ["UnitSummary", "build", "print_table", "summaries"]
