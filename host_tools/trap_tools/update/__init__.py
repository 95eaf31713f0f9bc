"""``manul update``: a signed bundle through the cable, tried by the unit, confirmed or left by itself."""
