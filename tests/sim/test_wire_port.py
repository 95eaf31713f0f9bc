from trap_sim.uart import Uart, WirePort
from trap_sim.vtime import VirtualTime


def test_shortest_wait_takes_time_so_that_a_deadline_between_two_milliseconds_comes():
    time = VirtualTime()
    port = WirePort(time, Uart(), lambda _: None)
    before = time.ms
    assert port.read(1e-9) == b""
    assert time.ms == before + 1
    assert port.read(0.0) == b""
    assert time.ms == before + 1
