"""From a plan to a burst of shots, faults included."""
