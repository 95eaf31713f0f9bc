"""The Pi's application: one duty cycle from a wake to a photograph, a verdict and a journal entry."""
