"""Run the power latch in ngspice over supplies and corners, and print the figures (``python hardware/latch/simulate.py``).

Every figure comes from ``latch.cir``; the stimuli are below, one scenario each. Times are in seconds, volts and amperes
as ngspice has them. ``NgspiceMissing`` when there is no ngspice: install Debian's package of that name.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

HERE = Path(__file__).parent
CIRCUIT = HERE / "latch.cir"
SUPPLIES_V = (2.4, 3.2, 3.6, 4.5, 5.4, 6.5, 8.4)  # 8.4: two lithium-ion cells, full
STARTS_V = SUPPLIES_V[1:]  # the converter does not start below 3.0 V
NEVER = 1e9
_RESULT = re.compile(r"^(\w+)\s+=\s+(\S+)")


class NgspiceMissing(RuntimeError):  # noqa: N818  # a state of the machine, not of the circuit
    """There is no ngspice on this machine."""


# Corners of the parts (datasheet limits) and of the weather. Threshold drift with temperature is ngspice's own.
CORNERS: Mapping[str, Mapping[str, float]] = {
    "typical": {
        "TEMP": 25,
        "VTP": -0.9,
        "VTN": 0.62,
        "LEAKP": 100e6,
        "LEAKN": 100e6,
        "LEAKD": 1e9,
        "PIR_UA": 2,
        "LDO_UA": 1,
    },
    "hot": {
        "TEMP": 60,
        "VTP": -0.5,
        "VTN": 0.40,
        "LEAKP": 1.3e6,
        "LEAKN": 650e3,
        "LEAKD": 6.5e6,
        "PIR_UA": 4,
        "LDO_UA": 2.5,
    },
    "cold": {
        "TEMP": -30,
        "VTP": -1.3,
        "VTN": 0.85,
        "LEAKP": 1e9,
        "LEAKN": 1e9,
        "LEAKD": 1e10,
        "PIR_UA": 2,
        "LDO_UA": 1,
    },
}


@dataclass(frozen=True)
class Scenario:
    """A stimulus and what is measured on it. ``{v}`` in a text is the supply, ``boot_s`` the time to HOLD."""

    name: str
    stop_s: float
    measures: Mapping[str, str]
    motion: str = "0"
    alarm: str = "0"
    cable: str = "0"
    load: str = "0"
    pack: str = "DC {v}"
    boot_s: float = 0.3
    release_s: float = 3.0
    step_s: float = 1e-3
    supplies_v: tuple[float, ...] = field(default=SUPPLIES_V)


_PULSE = "PULSE(0 1 0.1 1u 1u 0.1 1000)"
_ON = "TRIG v({trigger}) VAL=0.5 RISE=1 TARG v(vsw) VAL=1.8 RISE=1"

# A PIR pulse of 100 ms that no supervisor answers: how fast the switch closes, and how long it waits for HOLD.
WINDOW = Scenario(
    "window", 12, motion=_PULSE, boot_s=NEVER,
    measures={
        "standby_a": "AVG i(Vpack) FROM=0.05 TO=0.095",
        "on_s": _ON.format(trigger="motion"),
        "five_volts_s": "TRIG v(motion) VAL=0.5 RISE=1 TARG v(v5) VAL=2.5 RISE=1",
        "window_s": "TRIG v(motion) VAL=0.5 RISE=1 TARG v(vsw) VAL=1.8 FALL=LAST",
        "inrush_a": "MIN i(Vpack) FROM=0.1 TO=0.2",
    },
)  # fmt: skip
# A whole wake: HOLD after 0.3 s, Pi and flash take 1 A at 5 V for a second, HOLD dropped at 8 s, when the window is long over.
WAKE = Scenario(
    "wake", 16, motion=_PULSE, release_s=8, load="PWL(0 0 0.999 0 1 1 2 1 2.001 0)", supplies_v=STARTS_V,
    measures={
        "lowest_v": "MIN v(vsw) FROM=0.2 TO=7.99",
        "pack_v": "FIND v(pack) AT=1.5",
        "loaded_v": "FIND v(vsw) AT=1.5",
        "loaded_a": "FIND i(Vpack) AT=1.5",
        "release_s": "TRIG v(hold) VAL=0.5 FALL=1 TARG v(vsw) VAL=1.8 FALL=LAST",
        "after_v": "MAX v(vsw) FROM=9 TO=16",
        "after_a": "AVG i(Vpack) FROM=15 TO=16",
    },
)  # fmt: skip
# The pack sags to 2.4 V under a running unit: it must carry on although it could not start there.
SAG = Scenario(
    "sag", 12, motion=_PULSE, pack="PWL(0 {v} 1 {v} 2 2.4)", release_s=5, supplies_v=(4.5, 6.5),
    measures={
        "held_v": "MIN v(vsw) FROM=0.3 TO=4.99",
        "five_volts_v": "MIN v(v5) FROM=0.3 TO=4.99",
        "after_v": "MAX v(vsw) FROM=11 TO=12",
    },
)  # fmt: skip
# The PIR sticks high: the latch must let go although the level stays.
STUCK = Scenario(
    "stuck", 20, motion="PULSE(0 1 0.1 1u 1u 100 1000)",
    supplies_v=STARTS_V,
    measures={"after_v": "MAX v(vsw) FROM=15 TO=20", "after_a": "AVG i(Vpack) FROM=19 TO=20"},
)  # fmt: skip
# The clock's alarm pulls INT until the supervisor clears it.
ALARM = Scenario(
    "alarm", 10, alarm="PULSE(0 1 0.1 1u 1u 0.9 1000)", supplies_v=STARTS_V,
    measures={
        "on_s": _ON.format(trigger="alarm"),
        "held_v": "MIN v(vsw) FROM=0.2 TO=2.99",
        "pin_low_v": "MAX v(rtcgpio) FROM=0.3 TO=0.9",
        "pin_high_v": "MIN v(rtcgpio) FROM=1.5 TO=2.9",
        "int_v": "MAX v(int) FROM=0 TO=10",
        "after_v": "MAX v(vsw) FROM=9 TO=10",
    },
)  # fmt: skip
# A laptop's cable for four seconds; the supervisor drops HOLD after one.
CABLE = Scenario(
    "cable", 16, cable="PULSE(0 5 0.1 1u 1u 4 1000)", release_s=1, supplies_v=STARTS_V,
    measures={
        "on_s": "TRIG v(vbus) VAL=0.5 RISE=1 TARG v(vsw) VAL=1.8 RISE=1",
        "held_v": "MIN v(vsw) FROM=0.5 TO=4",
        "pin_high_v": "MIN v(gpio12) FROM=0.5 TO=4",
        "after_v": "MAX v(vsw) FROM=15 TO=16",
    },
)  # fmt: skip
# The pack sags to 1.2 V for 50 ms in the middle of a wake: the Pico dies, HOLD goes, the latch must open and stay open.
BROWN_OUT = Scenario(
    "brown-out", 12, motion=_PULSE, release_s=NEVER, step_s=2e-4, supplies_v=(3.6, 4.5, 6.5),
    pack="PWL(0 {v} 6 {v} 6.005 1.2 6.055 1.2 6.06 {v})",
    measures={
        "before_v": "FIND v(vsw) AT=5.9",
        "dip_v": "MIN v(vsw) FROM=6 TO=6.06",
        "after_v": "MAX v(vsw) FROM=8 TO=12",
        "after_a": "AVG i(Vpack) FROM=11 TO=12",
    },
)  # fmt: skip
# Cells put in, in 10 us: nothing may start by itself.
INSERT = Scenario(
    "insertion", 3, pack="PWL(0 0 0.1 0 0.10001 {v})", step_s=2e-4,
    measures={"peak_v": "MAX v(vsw) FROM=0 TO=3"},
)  # fmt: skip
# An empty pack that fades to nothing and recovers in the sun.
FADE = Scenario(
    "fade", 12, pack="PWL(0 {v} 1 {v} 6 0 11 {v})",
    measures={"peak_v": "MAX v(vsw) FROM=0.5 TO=12"},
)  # fmt: skip
ALL = (WINDOW, WAKE, SAG, STUCK, ALARM, CABLE, BROWN_OUT, INSERT, FADE)

Figures = dict[float, dict[str, float]]


def run(scenario: Scenario, corner: str, supplies_v: tuple[float, ...] = (), circuit: Path = CIRCUIT) -> Figures:
    """Figures of one scenario in one corner, by supply voltage; a measure that never happened is absent."""
    program = shutil.which("ngspice")
    if program is None:
        raise NgspiceMissing("no ngspice: 'apt-get install ngspice' (Debian, Ubuntu) brings it")
    results: Figures = {}
    for volts in supplies_v or scenario.supplies_v:
        results[volts] = _solved(program, scenario, corner, volts, circuit)
    return results


def _solved(program: str, scenario: Scenario, corner: str, volts: float, circuit: Path) -> dict[str, float]:
    """Figures; where the solver loses its footing on a switch's edge, the same with finer steps."""
    for finer in (1, 3, 10):
        text = deck(replace(scenario, step_s=scenario.step_s / finer), corner, volts, circuit)
        done = subprocess.run([program, "-b", "/dev/stdin"], input=text, text=True, capture_output=True, timeout=60,
                              check=False)  # fmt: skip
        if "too small" not in done.stdout + done.stderr:
            break
    return dict(_figures(done.stdout))


def deck(scenario: Scenario, corner: str, volts: float, circuit: Path = CIRCUIT) -> str:
    """Text for ngspice: parameters, the circuit, sources, the transient and its measures."""
    values = {**CORNERS[corner], "T_BOOT": scenario.boot_s, "T_RELEASE": scenario.release_s}
    temperature = values.pop("TEMP")
    parameters = " ".join(f"{name}={value:g}" for name, value in values.items())
    measures = "\n".join(f"meas tran {name} {text}" for name, text in scenario.measures.items())
    return f"""latch {scenario.name} {corner} {volts:g} V
.options tnom=25
.temp {temperature:g}
.param {parameters}
.include {circuit}
Vpack src 0 {scenario.pack.format(v=volts)}
Rpack src pack 0.3
Vmotion motion 0 {scenario.motion}
Valarm alarm 0 {scenario.alarm}
Vbus vbus 0 {scenario.cable}
Vload piload 0 {scenario.load}
.ic v(vsw)=0 v(timer)=0 v(hold)=0
.tran {scenario.step_s:g} {scenario.stop_s:g} 0 {scenario.step_s:g}
.control
run
{measures}
quit
.endc
.end
"""


def _figures(text: str) -> list[tuple[str, float]]:
    found = [_RESULT.match(line) for line in text.splitlines()]
    return [(match[1], float(match[2])) for match in found if match and match[2] != "failed"]


def main() -> int:
    """Print every figure as a Markdown table."""
    out = sys.stdout.write
    for scenario in ALL:
        names = list(scenario.measures)
        out(f"\n**{scenario.name}**\n\n| corner | supply V | {' | '.join(names)} |\n|{' --- |' * (len(names) + 2)}\n")
        for corner in CORNERS:
            for volts, figures in run(scenario, corner).items():
                cells = [f"{figures[name]:.3g}" if name in figures else "never" for name in names]
                out(f"| {corner} | {volts:g} | {' | '.join(cells)} |\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
