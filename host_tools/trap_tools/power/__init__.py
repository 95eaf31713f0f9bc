"""``manul power``: a year on one set of cells, with its interval, what costs most, and how the alternatives compare."""
