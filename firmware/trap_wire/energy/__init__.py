"""The energy model: what a unit spends, what its cells still give, and how long that lasts.

It lies in ``trap_wire`` because three siblings that may not import each other use the same one: the unit says how many days
are left (``forecast``), the simulator drains its battery with it (``cells``), and ``manul power`` simulates years with it.
Standard library only, a few milliseconds a year on a laptop. Figures and their sources: ``power_budget.toml``, beside this.
"""
