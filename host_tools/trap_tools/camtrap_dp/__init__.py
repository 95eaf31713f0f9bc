"""Camtrap DP 1.0.2 and its neighbours: packages out, packages and other cameras' folders in."""
