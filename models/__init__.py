"""Detectors: data, training, quantisation, evaluation. One folder per released model; the firmware imports none of this.

Run a tool from the repository root: ``python -m models.build``, ``python -m models.contact_sheet`` …
"""
