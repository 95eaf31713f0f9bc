"""The same parts in a pretend world: scene, camera, card, clock, battery, PIR and board. All else is the real thing."""
