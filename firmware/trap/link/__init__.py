"""The two cables: UART to the supervisor, SMP to the host."""
