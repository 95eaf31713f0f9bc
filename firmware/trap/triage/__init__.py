"""From a burst to a verdict: detector, thresholds, audit draw; fails open."""
