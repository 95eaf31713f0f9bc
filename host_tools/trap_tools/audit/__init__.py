"""The page on which people look at photographs: the audit of discarded bursts, doubts, and species."""
