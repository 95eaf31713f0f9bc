"""The laptop's end of the cable: ports, SMP frames, login, files."""
