"""The only modules that touch hardware and kernel interfaces."""
