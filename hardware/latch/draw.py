"""Draw ``latch.svg`` and ``rail.svg`` with schemdraw (``pip install schemdraw``).

The first is the circuit of ``latch.cir`` in five panels; the second the rail switch and the flash, which carry no wake-up and
are not simulated.

Wires between panels are joined by name, as on a datasheet: PACK, VSW, PULL, G. A test holds that every resistor,
capacitor, diode and transistor of the netlist stands in the drawing.
"""

from collections.abc import Callable
from pathlib import Path

import schemdraw
import schemdraw.elements as elm

HERE = Path(__file__).parent
TITLE = 13


def switch(d: schemdraw.Drawing) -> None:
    """Q1 with its gate parts, and what hangs behind it."""
    d += elm.Label().at((0, 1)).label("1  the switch", fontsize=TITLE, halign="left")
    d += elm.Dot(open=True).at((0, 0)).label("PACK", "left")
    d += elm.Line().right(1.5)
    d += (one := elm.Dot())
    d += elm.Line().right(1.5)
    d += (three := elm.Dot())
    d += elm.Line().right(1)
    d += (q1 := elm.PFet().theta(90).reverse().anchor("source"))
    d += elm.Label().at((4.75, 0.5)).label("Q1 AO3401A")
    d += elm.Line().at(q1.drain).right(1)
    d += (vsw := elm.Dot())
    d += elm.Line().right(1.6)
    d += (vsw2 := elm.Dot())
    d += elm.Line().right(1)
    d += elm.Dot(open=True).label("VSW: shunt, U4 converter to 5 V", "right")
    d += elm.Capacitor().at(vsw.center).down(2.2).label("C5\n100µ", "bottom")
    d += elm.Ground()
    d += elm.Resistor().at(vsw2.center).down(2.2).label("R8\n10k", "bottom")
    d += elm.Ground()
    d += elm.Resistor().at(one.center).down(2.4).label("R1\n10k", "bottom")
    d += elm.Line().right(1.5)
    d += elm.Dot()
    d += elm.Line().tox(q1.gate)
    d += (gate := elm.Dot().label("GATE", "right"))
    d += elm.Capacitor().at(three.center).down(2.4).label("C3\n2.2µ", "bottom")
    d += elm.Line().at(q1.gate).toy(gate.center)
    d += elm.Resistor().at(gate.center).down(1.6).label("R2 470", "bottom")
    d += elm.Dot(open=True).label("PULL", "left")


def motion(d: schemdraw.Drawing) -> None:
    """PIR edge to Q2."""
    d += elm.Label().at((0, -5.2)).label("2  the PIR's edge", fontsize=TITLE, halign="left")
    d += elm.Dot(open=True).at((0, -7.6)).label("PACK", "left")
    d += elm.RBox(w=1.8, h=1).right(2.8).label("U1 HT7530-3\n3 V", "top")
    d += (v3 := elm.Dot())
    d += elm.Capacitor().at(v3.center).down(1.9).label("C4\n1µ", "bottom")
    d += elm.Ground()
    d += elm.RBox(w=1.8, h=1).at(v3.center).right(3).label("U2 EKMB\nPIR", "top")
    d += (pir := elm.Dot())
    d += elm.Resistor().at(pir.center).up(2.6).label("R11\n100k", "bottom")
    d += elm.Dot(open=True).label("GP2 PIR", "right")
    d += elm.Resistor().at(pir.center).down(1.9).label("R3\n100k", "bottom")
    d += elm.Ground()
    d += elm.Capacitor().at(pir.center).right(1.8).label("C1 2.2µ")
    d += (x := elm.Dot())
    d += elm.Diode().at((x.center.x, x.center.y - 1.9)).up(1.9).label("D0", "bottom")
    d += elm.Ground().at((x.center.x, x.center.y - 1.9))
    d += elm.Line().at(x.center).right(1.5)
    d += (x2 := elm.Dot())
    d += elm.Resistor().at(x2.center).down(1.9).label("R4\n1M", "bottom")
    d += elm.Ground()
    d += elm.Diode().at(x2.center).right(1.7).label("D1")
    d += (g := elm.Dot().label("G", "top"))
    d += elm.Capacitor().at(g.center).down(1.9).label("C2\n330n", "bottom")
    d += elm.Ground()
    d += elm.Line().at(g.center).right(1.6)
    d += (g2 := elm.Dot())
    d += elm.Resistor().at(g2.center).down(1.9).label("R6\n10M", "bottom")
    d += elm.Ground()
    d += elm.Line().at(g2.center).right(0.8)
    d += (q2 := elm.NFet().reverse().anchor("gate"))
    d += elm.Label().at((q2.drain.x + 0.2, q2.gate.y)).label("Q2\nSi2302CDS", halign="left")
    d += elm.Line().at(q2.source).down(0.4)
    d += elm.Ground()
    d += elm.Line().at(q2.drain).up(0.4)
    d += elm.Dot(open=True).label("PULL", "top")


def hold(d: schemdraw.Drawing) -> None:
    """The supervisor's transistor and the button."""
    d += elm.Label().at((0, -11.9)).label("3  hold, and the button", fontsize=TITLE, halign="left")
    d += elm.Dot(open=True).at((1.2, -14.2)).label("GP7\nLATCH_HOLD", "left")
    d += elm.Resistor().right(1.8).label("R12 1k")
    d += (h := elm.Dot())
    d += elm.Resistor().at(h.center).down(1.9).label("R5\n100k", "bottom")
    d += elm.Ground()
    d += elm.Line().at(h.center).right(0.9)
    d += (q3 := elm.NFet().reverse().anchor("gate"))
    d += elm.Label().at((q3.drain.x + 0.2, q3.gate.y)).label("Q3\nSi2302CDS", halign="left")
    d += elm.Line().at(q3.source).down(0.4)
    d += elm.Ground()
    d += elm.Line().at(q3.drain).up(0.5)
    d += (p := elm.Dot())
    d += elm.Line().up(0.4)
    d += elm.Dot(open=True).label("PULL", "top")
    d += elm.Line().at(p.center).right(3)
    d += elm.Button().down(1.9).label("SW1 wake", "bottom")
    d += elm.Ground()


def alarm(d: schemdraw.Drawing) -> None:
    """The clock's open drain at 3 V, turned round by Q6, kept apart from a dead Pico."""
    x0 = 11.4
    d += elm.Label().at((x0, -11.9)).label("4  the clock's alarm", fontsize=TITLE, halign="left")
    d += elm.Dot(open=True).at((x0 + 1.2, -14.2)).label("U3 DS3231\nINT/SQW", "left")
    d += elm.Line().right(0.6)
    d += (i := elm.Dot())
    d += elm.Resistor().at(i.center).up(1.5).label("R7\n220k", "top")
    d += elm.Dot(open=True).label("3 V", "top")
    d += elm.Diode().at((i.center.x, i.center.y - 2)).up(2).label("D4", "top")
    d += elm.Dot(open=True).at((i.center.x, i.center.y - 2)).label("GP9 RTC_ALARM\n(own pull-up)", "left")
    d += elm.Line().at(i.center).right(0.5)
    d += (q6 := elm.PFet().reverse().anchor("gate"))
    d += elm.Label().at((q6.source.x + 0.2, q6.gate.y + 0.1)).label("Q6\nAO3401A", halign="left")
    d += elm.Line().at(q6.source).up(0.75)
    d += elm.Dot(open=True).label("3 V", "top")
    d += elm.Line().at(q6.drain).down(0.2)
    d += (o := elm.Dot())
    d += elm.Resistor().down(1.5).label("R14 100k", "bottom")
    d += elm.Ground()
    d += elm.Diode().at(o.center).right(1.7).label("D3")
    d += elm.Dot(open=True).label("G", "right")


def cable(d: schemdraw.Drawing) -> None:
    """A laptop's five volts."""
    x0 = 18.8
    d += elm.Label().at((x0, -11.9)).label("5  a laptop's cable", fontsize=TITLE, halign="left")
    d += elm.Dot(open=True).at((x0 + 0.6, -14.6)).label("USB\nVBUS", "left")
    d += elm.Resistor().right(1.8).label("R9 100k")
    d += (m := elm.Dot())
    d += elm.Resistor().at(m.center).down(1.6).label("R10\n100k", "bottom")
    d += elm.Ground()
    d += elm.Diode().at(m.center).right(1.7).label("D5")
    d += elm.Dot(open=True).label("G", "right")
    d += elm.Resistor().at(m.center).up(2.2).label("R13\n100k", "bottom")
    d += elm.Dot(open=True).label("GP12 HOST_SENSE", "right")


def rail(d: schemdraw.Drawing) -> None:
    """5 V to the Pi through Q4, to the Pico through D6."""
    d += elm.Label().at((0, 1)).label("6  the rail switch", fontsize=TITLE, halign="left")
    d += elm.Dot(open=True).at((0, 0)).label("5 V of U4", "left")
    d += elm.Line().right(1.2)
    d += (vsys := elm.Dot())
    d += elm.Line().right(1.3)
    d += (top := elm.Dot())
    d += elm.Line().right(1.5)
    d += (q4 := elm.PFet().theta(90).reverse().anchor("source"))
    d += elm.Label().at((q4.gate.x, 0.5)).label("Q4 AO3401A")
    d += elm.Line().at(q4.drain).right(1.5)
    d += elm.Dot(open=True).label("5V PI: Pi, flash", "right")
    d += elm.Schottky().at(vsys.center).down(2).label("D6 1N5819", "top")
    d += elm.Dot(open=True).label("VSYS of the Pico", "bottom")
    d += elm.Resistor().at(top.center).down(2.2).label("R24\n10k", "bottom")
    d += elm.Line().tox(q4.gate)
    d += (gate := elm.Dot())
    d += elm.Line().at(q4.gate).toy(gate.center)
    d += elm.Line().at(gate.center).down(1.2)
    d += (q5 := elm.NFet().theta(0).reverse().anchor("drain"))
    d += elm.Label().at((q5.source.x + 0.3, q5.gate.y)).label("Q5\nSi2302CDS", halign="left")
    d += elm.Line().at(q5.source).down(1.0)
    d += elm.Ground()
    d += elm.Line().at(q5.gate).left(1.2)
    d += (en := elm.Dot())
    d += elm.Resistor().at(en.center).down(1.8).label("R17\n10k", "bottom")
    d += elm.Ground()
    d += elm.Line().at(en.center).left(1.0)
    d += elm.Dot(open=True).label("GP3\nPI_RAIL", "left")


def flash(d: schemdraw.Drawing) -> None:
    """The 940 nm LED: dark unless the Pi and the Pico both want it."""
    x0 = 11.5
    d += elm.Label().at((x0, 1)).label("7  the flash", fontsize=TITLE, halign="left")
    d += elm.Dot(open=True).at((x0 + 2, 0)).label("5V PI", "left")
    d += elm.Line().right(0.8)
    d += elm.LED().down(1.6).label("LED1 SFH 4725AS", "bottom")
    d += elm.Resistor().down(1.6).label("R23\n2.7, 2 W", "bottom")
    for name, part, leak in (("GPIO18\nIR_FLASH", "Q7", "R19"), ("GP6\nIR_INTERLOCK", "Q8", "R20")):
        d += (q := elm.NFet().theta(0).reverse().anchor("drain"))
        d += elm.Label().at((q.source.x + 0.3, q.gate.y)).label(f"{part}\nAO3400A", halign="left")
        d += elm.Line().at(q.gate).left(1.2)
        d += (g := elm.Dot())
        d += elm.Line().at(g.center).left(1.0)
        d += elm.Dot(open=True).label(name, "left")
        d += elm.Resistor().at(g.center).down(1.6).label(f"{leak}\n100k", "top")
        d += elm.Ground()
        d += elm.Line().at(q.source).down(2.0)
    d += elm.Ground()


def draw(name: str, *panels: Callable[[schemdraw.Drawing], None]) -> None:
    """One SVG."""
    drawing = schemdraw.Drawing(show=False)
    drawing.config(fontsize=11, unit=2)
    for panel in panels:
        panel(drawing)
    drawing.save(str(HERE / name), transparent=False)


def main() -> int:
    """Write the SVGs."""
    schemdraw.use("svg")
    schemdraw.svgconfig.text = "text"
    draw("latch.svg", switch, motion, hold, alarm, cable)
    draw("rail.svg", rail, flash)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
