"""Detectors on a laptop: is this folder sound, and how good is it on somebody's photographs? Uses the unit's own code."""
