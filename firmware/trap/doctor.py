"""What ``trapd doctor`` finds: every part asked once, each with one line of what it said or what to look at."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from trap.assembly import UnitConfig, load_detector
from trap.drivers import gpio, vitals, watchdog
from trap.drivers.camera import PiCamera
from trap.drivers.clock import SystemClock
from trap.drivers.gauge import Gauge
from trap.drivers.i2c import Bus
from trap.drivers.inputs import Input
from trap.drivers.rtc import Rtc
from trap.places import load_deployment
from trap.ports import BurstPlan
from trap_wire import pins
from trap_wire.errors import PartError, TrapError

OK, WARN, FAIL = "ok", "warning", "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: ``state`` ok, warning or fault; ``words`` for a person, ``facts`` for a program."""

    part: str
    state: str
    words: str
    facts: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def examine(config: UnitConfig, parts: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Each part in the order in which a trigger meets them, as soon as it answered; all, or those named."""
    for name, look in PARTS.items():
        if not parts or name in parts:
            try:
                yield replace(look(config), part=name)
            except TrapError as error:
                yield Finding(name, FAIL, str(error), {})


def _station(config: UnitConfig) -> Finding:
    deployment = load_deployment(config.station)
    station, protocol = deployment.station, deployment.protocol
    facts = {"unit": station.unit, "deployment": station.deployment, "protocol_hash": protocol.digest}
    if deployment.trouble:
        return Finding("", FAIL, f"runs on the safe default: {deployment.trouble}", facts)
    return Finding("", OK, f"{station.unit}, {station.deployment}, {protocol.name}@{protocol.version}", facts)


def _pir(config: UnitConfig) -> Finding:
    pir = Input(pins.PI_PIR, "PIR, header pin 11", config.gpio_chip)
    try:
        high = pir.level()
    finally:
        pir.close()
    words = "high now: something moves, or the line is stuck" if high else "low, as it is at rest"
    return Finding("", WARN if high else OK, words, {"high": high})


def _supervisor(config: UnitConfig) -> Finding:
    there = config.uart.exists()
    return Finding("", OK if there else WARN, f"{config.uart} {'is there' if there else 'is absent'}", {"there": there})


def _camera(config: UnitConfig) -> Finding:
    camera = PiCamera(config.camera, SystemClock().now)
    try:
        (shot,) = list(camera.burst(BurstPlan(frames=1, interval_ms=0)))
        facts = {
            **asdict(camera.times),
            "jpeg_bytes": len(shot.jpeg),
            "exposure_us": shot.exposure_us,
            "gain": shot.gain,
        }
    finally:
        camera.close()
    words = f"{len(shot.jpeg) // 1024} KiB JPEG, opened in {facts['open_ms']} ms, started in {facts['start_ms']} ms"
    dark = int(shot.lores.max()) < 8
    return Finding("", WARN if dark else OK, words + (", but the picture is black" if dark else ""), facts)


def _detector(config: UnitConfig) -> Finding:
    detector, trouble = load_detector(config.detector_folder())
    if detector is None:
        return Finding("", FAIL, f"keeps everything: {trouble}", {})
    return Finding("", OK, str(detector.identity), {"sha256": detector.identity.sha256})


def _gauge(_config: UnitConfig) -> Finding:
    gauge = Gauge(Bus())
    read = gauge.read()
    name = gauge.chip.name if gauge.chip else "gauge"
    facts = {"chip": name, "battery_mv": read.battery_mv, "battery_ma": read.battery_ma}
    return Finding("", OK, f"{name}: {read.battery_mv} mV, {read.battery_ma} mA", facts)


def _rtc(_config: UnitConfig) -> Finding:
    read = Rtc(Bus()).read()
    words = f"{read.at:%Y-%m-%d %H:%M:%S} UTC, {read.temperature_c:g} °C"
    facts = {"at": read.at.isoformat(), "trusted": read.trusted, "temperature_c": read.temperature_c}
    return Finding("", OK if read.trusted else WARN, words + ("" if read.trusted else ", not to be trusted"), facts)


def _storage(name: str) -> Callable[[UnitConfig], Finding]:
    def look(config: UnitConfig) -> Finding:
        path = config.card if name == "card" else config.journal.parent
        found = vitals.storage(path)
        if found is None:
            raise PartError(name, f"{path} is not there: is the partition mounted?")
        words = f"{found.free_bytes >> 20} of {found.size_bytes >> 20} MiB free"
        if found.read_only:
            return Finding("", FAIL, f"{words}, but mounted read-only: the card failed, replace it", asdict(found))
        return Finding("", OK, words, asdict(found))

    return look


def _gpio(config: UnitConfig) -> Finding:
    chip = config.gpio_chip or gpio.header_chip(gpio.library())
    return Finding("", OK, chip, {"chip": chip})


def _usb(config: UnitConfig) -> Finding:
    there = config.host_port.exists()
    words = f"{config.host_port} is there" if there else f"no {config.host_port}: did manul-gadget.service fail?"
    return Finding("", OK if there else FAIL, words, {"there": there})


def _watchdog(_config: UnitConfig) -> Finding:
    found = watchdog.hardware()
    words = "; ".join(found.values()) or "no /dev/watchdog: is dtparam=watchdog=on in config.txt?"
    return Finding("", OK if found else WARN, words, dict(found))


def _power(_config: UnitConfig) -> Finding:
    throttled, celsius = vitals.throttled(), vitals.cpu_temperature_c()
    words = ", ".join(throttled) if throttled else "no under-voltage seen" if throttled == [] else "not reported here"
    facts = {"throttled": throttled, "cpu_c": celsius}
    return Finding("", WARN if throttled else OK, f"{words}; CPU {celsius if celsius is not None else '?'} °C", facts)


PARTS: dict[str, Callable[[UnitConfig], Finding]] = {
    "station": _station,
    "gpio": _gpio,
    "pir": _pir,
    "supervisor": _supervisor,
    "camera": _camera,
    "detector": _detector,
    "gauge": _gauge,
    "rtc": _rtc,
    "journal": _storage("journal"),
    "card": _storage("card"),
    "usb": _usb,
    "watchdog": _watchdog,
    "power": _power,
}
