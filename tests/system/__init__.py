"""The firmware on an emulated ARM machine with real kernel interfaces: see docs/system-test.md."""
