"""From the PIR's edge to the dark, on the firmware that is flashed."""

from tests.rp2040.pi import Pi
from trap_wire import codes, pins


def moments(pico, pin, value):
    born = pico.state()["born"]
    return [e["ms"] - born for e in pico.events if e["event"] == "pin" and (e["pin"], e["value"]) == (pin, value)]


def test_edge_on_the_pin_raises_the_rail_and_is_told_to_the_pi(pico):
    pico.order("gauge", set={"mv": 5_720, "ma": -143, "shuntMohm": 20})
    pico.order("clock", set={"cc": -1_275})
    pico.order("light", counts=2_048)  # of 4,096
    pico.motion()
    pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)
    with Pi(pico) as pi:
        wake = pi.wake()
        assert (wake.reason, wake.wake_number, wake.flags) == (codes.REASON_PIR, 2, 0)
        assert (wake.battery_mv, wake.battery_ma, wake.temperature_cc) == (5_720, -143, -1_275)
        assert abs(wake.light_lux - 330) <= 1
        assert pico.level(pins.SUPERVISOR_IR_INTERLOCK) == 1
        state = pico.state()  # it waits at its patient clock, and the line keeps its pace
        assert (state["hz"], abs(state["baud"] - 115_200) < 300) == (48_000_000, True)
        pi.sleep()
    assert pico.level(pins.SUPERVISOR_IR_INTERLOCK) == 0
    assert pico.await_dark() == "latch"
    (held,) = moments(pico, pins.SUPERVISOR_LATCH_HOLD, 1)[:1]
    (rail,) = moments(pico, pins.SUPERVISOR_PI_RAIL, 1)
    print(f"edge -> HOLD {held} ms, edge -> rail {rail} ms")
    assert held < 500  # the latch waits 900 ms at worst
    assert rail < 1_000
