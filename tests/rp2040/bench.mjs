// node bench.mjs RP2040JS UF2 BOOTROM FD: a Pico on a desk, and what hangs on it. See emulator.py, which speaks to it:
// JSON lines in (orders) and out (what happened); FD is the far end of the UART, a pty.
//
// Times are the emulated chip's. It never runs faster than the world unless it is told to hurry, and `pause` stops it.
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { createRequire } from "node:module";
import { DS3231, Gauge, Thermometer } from "./chips.mjs";

const [modules, uf2, rom, pty] = process.argv.slice(2);
const line = Number(pty);
const { Simulator, ConsoleLogger, LogLevel, GPIOPinState, USBCDC } = createRequire(path.join(modules, "x.js"))("rp2040js");

const PIN = { uartRx: 1, pir: 2, hold: 7, alarm: 9, adc: 26 };
const BYTE_NS = 86_806, SLICE_NS = 1e6, START_MS = 900, RELEASE_MS = 60;
const FLASH_SIZE = 2 << 20, SECTOR = 4096, PAGE = 256;
// Winbond W25Q16JV, typical (datasheet table 9.6): sector erase 45 ms, page program 0.4 ms; a word's share of each.
const ERASE_NS = 45e6 / (SECTOR / 4), PROGRAM_NS = 0.4e6 / (PAGE / 4);
const UNIT_PINS = [0, 3, 6, 7, 10, 25];

class PowerGone extends Error {}

const bench = {
  flash: new Uint8Array(FLASH_SIZE).fill(0xff), sim: null, born: 0, dark: true, hurry: false, paused: false,
  epoch: 0, worldMs: 0, cutAfter: null, words: 0, erases: new Map(), hung: false, inputs: new Map(), rx: [], tx: [], console: null,
  base: null, log: null, adc: 0x400, noise: 0, draw: 1, window: false, holdLow: null, chips: null,
};
const say = (what) => fs.writeSync(1, JSON.stringify({ ms: now(), ...what }) + "\n");
const now = () => Math.floor(bench.worldMs + (bench.sim && !bench.dark ? bench.sim.clock.nanos / 1e6 : 0));

function load(file) {
  const raw = fs.readFileSync(file);
  for (let at = 0; at + 512 <= raw.length; at += 512) {
    if (raw.readUInt32LE(at) !== 0x0a324655) throw new Error("no UF2 block at " + at);
    bench.flash.set(raw.subarray(at + 32, at + 32 + raw.readUInt32LE(at + 16)), raw.readUInt32LE(at + 12) - 0x10000000);
  }
}

function romWords() {
  const raw = fs.readFileSync(rom), words = new Uint32Array(4096);
  for (let at = 0; at + 4 <= raw.length; at += 4) words[at / 4] = raw.readUInt32LE(at);
  return words;
}

// --- the chip and its flash ---------------------------------------------------------------------------------------

function start(reason) {
  const sim = new Simulator(), chip = sim.rp2040;
  bench.startMs = reason === "watchdog" ? RELEASE_MS : START_MS;
  chip.logger = new ConsoleLogger(LogLevel.Error);
  chip.loadBootrom(romWords());
  chip.flash.set(bench.flash);
  bench.sim = sim;
  bench.born = bench.worldMs;
  bench.dark = bench.hung = false;
  bench.rx = [];
  watchFlash(chip);
  const dog = chip.peripherals[0x40058];
  dog.reason = reason === "watchdog" ? 1 : 0;
  dog.onWatchdogTrigger = () => { throw new PowerGone("watchdog"); };
  for (const pin of UNIT_PINS) chip.gpio[pin].addListener((state) => moved(pin, state));
  sending(chip.uart[0], sim.clock);
  bench.chips.attach(chip.i2c[0]);
  for (const [pin, value] of bench.inputs) chip.gpio[pin].setInputValue(value);
  chip.adc.channelValues[0] = bench.adc;
  if (bench.console !== null) attachConsole(chip);
  chip.core.PC = 0x10000000;
}

function watchFlash(chip) {
  const write = chip.writeUint32.bind(chip);
  chip.writeUint32 = (address, value) => {
    const window = address >>> 24;
    if (window !== 0x10 && window !== 0x11) return write(address, value);
    const at = address & 0xffffff;
    if (bench.words++ === bench.cutAfter) throw new PowerGone("cut");
    if (window === 0x11 && at % SECTOR === 0) bench.erases.set(at / SECTOR, (bench.erases.get(at / SECTOR) ?? 0) + 1);
    const left = window === 0x11 ? 0xffffffff : (chip.flashView.getUint32(at, true) & value) >>> 0;
    chip.flashView.setUint32(at, left, true);
    if (bench.log) bench.log.push([at, left]);
    bench.sim.clock.tick(window === 0x11 ? ERASE_NS : PROGRAM_NS);
  };
}

// rp2040js sends in no time and asks for more without end. A PL011 has 32 bytes, empties them at the line's pace, and asks once
// they are down to four (ARM DDI 0183G 2.4.8 and 3.4; the trigger level that MicroPython sets).
function sending(uart, clock) {
  const RAISED = 1 << 5, queue = [];
  const sent = clock.createAlarm(() => {
    bench.tx.push(queue.shift());
    if (queue.length) sent.schedule(BYTE_NS);
    if (queue.length === 4) { uart.interruptStatus |= RAISED; uart.checkInterrupts(); }
  });
  uart.onByte = (byte) => {
    if (queue.push(byte) === 1) sent.schedule(BYTE_NS);
    if (queue.length > 4) { uart.interruptStatus &= ~RAISED; uart.checkInterrupts(); }
  };
  uart.checkInterrupts = () => uart.rp2040.setInterrupt(uart.irq, !!(uart.interruptStatus & uart.interruptMask));
  Object.defineProperty(uart, "flags", { get: () => (uart.rxFIFO.full ? 1 << 6 : 0) | (uart.rxFIFO.empty ? 1 << 4 : 0) |
    (queue.length ? 1 << 3 : 1 << 7) | (queue.length >= 32 ? 1 << 5 : 0) });
}

function moved(pin, state) {
  const value = state === GPIOPinState.High ? 1 : state === GPIOPinState.Low ? 0 : null;
  say({ event: "pin", pin, value, logged: bench.log?.length ?? 0 });
  if (pin === PIN.hold && !bench.dark) bench.holdLow = value === 1 ? null : bench.sim.clock.nanos;
}

// The latch: open at last when HOLD has been low for RELEASE_MS and the window after the edge is over, unless something holds it.
function latchHolds() {
  const nanos = bench.sim.clock.nanos, held = bench.inputs.get(12) || bench.chips.clock.ringing();
  if (bench.holdLow === null) return bench.sim.rp2040.gpio[PIN.hold].value === GPIOPinState.High || nanos < bench.startMs * 1e6 || held;
  return held || nanos - bench.holdLow < RELEASE_MS * 1e6 || (bench.window && nanos < START_MS * 1e6);
}

function end(how) {
  bench.flash.set(bench.sim.rp2040.flash.subarray(0, FLASH_SIZE));
  bench.worldMs += bench.sim.clock.nanos / 1e6;
  bench.dark = true;
  bench.holdLow = null;
  flushUart();
  for (const pin of UNIT_PINS) bench.sim.rp2040.gpio[pin].listeners.clear();
  say({ event: "dark", how, words: bench.words });
}

const seconds = () => bench.epoch + Math.floor(now() / 1000);

function attachConsole(chip) {
  const usb = new USBCDC(chip.usbCtrl);
  usb.onSerialData = (data) => { bench.console += Buffer.from(data).toString(); fs.writeSync(2, Buffer.from(data)); };
}

// --- time ---------------------------------------------------------------------------------------------------------

function slice() {
  const { sim } = bench, { core } = sim.rp2040, cycle = 1e9 / (sim.rp2040.clkSys || 125e6), until = sim.clock.nanos + SLICE_NS;
  let nextByte = sim.clock.nanos;
  while (sim.clock.nanos < until) {
    if (bench.rx.length && sim.clock.nanos >= nextByte) {
      sim.rp2040.uart[0].feedByte(bench.rx.shift());
      nextByte = sim.clock.nanos + BYTE_NS;
    }
    if (bench.hung) sim.clock.tick(1e5);
    else if (core.waiting) sim.clock.tick(Math.max(cycle, Math.min(sim.clock.nanosToNextAlarm || 1e5, bench.rx.length ? BYTE_NS : 1e6)));
    else sim.clock.tick(core.executeInstruction() * cycle);
  }
}

let worldZero = process.hrtime.bigint(), chipZero = 0;
function onward() {
  try {
    if (!bench.dark && !bench.paused) {
      const ahead = bench.sim.clock.nanos - chipZero - Number(process.hrtime.bigint() - worldZero);
      if (ahead > 2e6 && !bench.hurry) return void setTimeout(onward, ahead / 1e6);
      slice();
      flushUart();
      bench.chips.clock.level(bench.sim.rp2040, PIN.alarm);
      if (!latchHolds()) end("latch");
    }
  } catch (gone) {
    if (!(gone instanceof PowerGone)) throw gone;
    end(gone.message);
  }
  if (bench.dark || bench.paused) setTimeout(onward, 2);
  else setImmediate(onward);
}

function fromNow() {
  worldZero = process.hrtime.bigint();
  chipZero = bench.sim ? bench.sim.clock.nanos : 0;
}

// A bit turned in a share of the bytes, one in ten of those lost instead: a loose wire beside a flash. Drawn from a seed.
function noisy(bytes) {
  if (!bench.noise) return bytes;
  return bytes.flatMap((byte) => {
    if (random() >= bench.noise) return [byte];
    bench.spoilt++;
    return random() < 0.1 ? [] : [byte ^ 1 << Math.floor(random() * 8)];
  });
}

function random() {  // mulberry32
  bench.draw = bench.draw + 0x6d2b79f5 | 0;
  let t = Math.imul(bench.draw ^ bench.draw >>> 15, 1 | bench.draw);
  t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
  return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
}

function flushUart() {
  if (bench.tx.length) fs.writeSync(line, Buffer.from(noisy(bench.tx)));
  bench.tx = [];
}

// --- orders -------------------------------------------------------------------------------------------------------

const ORDERS = {
  power_up({ reason, window }) { bench.window = !!window; start(reason ?? "power"); fromNow(); return {}; },
  pin({ pin, value }) {
    bench.inputs.set(pin, !!value);
    if (!bench.dark) bench.sim.rp2040.gpio[pin].setInputValue(!!value);
    return {};
  },
  gauge(told) { Object.assign(bench.chips.gauge, told.set); return {}; },
  thermometer(told) { Object.assign(bench.chips.thermometer, told.set); return {}; },
  clock(told) {
    if (told.epoch !== undefined) bench.epoch = told.epoch;
    Object.assign(bench.chips.clock, told.set ?? {});
    return {};
  },
  light({ counts }) { bench.adc = counts; if (!bench.dark) bench.sim.rp2040.adc.channelValues[0] = counts; return {}; },
  cut({ words }) { bench.cutAfter = words; bench.words = 0; return {}; },
  // Every word that the flash takes from here on; `replay` gives it back as a cut after so many of them would have left it.
  record() { bench.base = Uint8Array.from(bench.flash); bench.log = []; return {}; },
  replay({ words }) {
    if (!bench.dark) throw new Error("the flash is only changed in the dark");
    bench.flash.set(bench.base);
    const view = new DataView(bench.flash.buffer);
    bench.taken ??= bench.log;
    bench.log = null;
    for (const [at, left] of bench.taken.slice(0, words)) view.setUint32(at, left, true);
    return { logged: bench.taken.length };
  },
  power_off() { if (!bench.dark) end("plug"); return {}; },
  noise({ share, seed }) { bench.noise = share; bench.draw = seed ?? bench.draw; bench.spoilt = 0; return {}; },
  hang() { bench.hung = true; return {}; },
  hurry({ on }) { bench.hurry = !!on; fromNow(); return {}; },
  pause({ on }) { bench.paused = !!on; fromNow(); return {}; },
  pass({ ms }) { if (!bench.dark) throw new Error("time only jumps in the dark"); bench.chips.clock.ringing(); bench.worldMs += ms; bench.chips.clock.ringing(); return {}; },
  listen() { bench.console = ""; return {}; },
  state() {
    const alarm = bench.chips.clock.alarmSeconds();
    return { dark: bench.dark, seconds: seconds(), alarm, erases: Object.fromEntries(bench.erases), console: bench.console,
      hz: bench.dark ? 0 : bench.sim.rp2040.clkSys, baud: bench.dark ? 0 : bench.sim.rp2040.uart[0].baudRate,
      born: Math.floor(bench.born), words: bench.words, spoilt: bench.spoilt ?? 0, pc: bench.dark ? 0 : bench.sim.rp2040.core.PC };
  },
  // Flash, and what the clock keeps on its coin cell.
  save({ file }) {
    const { alarm, control, status, offset } = bench.chips.clock;
    fs.writeFileSync(file, bench.dark ? bench.flash : bench.sim.rp2040.flash.subarray(0, FLASH_SIZE));
    fs.writeFileSync(file + ".clock", JSON.stringify({ alarm, control, status, offset }));
    return {};
  },
  restore({ file }) {
    bench.flash.set(fs.readFileSync(file));
    Object.assign(bench.chips.clock, JSON.parse(fs.readFileSync(file + ".clock", "utf8")));
    return {};
  },
};

class Bus {
  constructor() { this.gauge = new Gauge(); this.clock = new DS3231(seconds); this.thermometer = new Thermometer(); }
  attach(i2c) {
    let chip = null, fresh = true;
    // An abort flushes the FIFO, and an empty one says so (RP2040 datasheet 4.3); rp2040js forgets it, and the driver would wait.
    const abort = i2c.abort.bind(i2c);
    i2c.abort = (reason) => { abort(reason); i2c.setInterrupts(1 << 4); };
    i2c.onStart = () => { fresh = true; i2c.completeStart(); };
    i2c.onConnect = (address) => {
      chip = [this.gauge, this.clock, this.thermometer].find((one) => one.address === address && !one.dead) ?? null;
      bench.sim.clock.tick(22_500);  // nine bits at 400 kHz
      i2c.completeConnect(chip !== null);
    };
    i2c.onWriteByte = (value) => {
      if (fresh) chip.point(value); else chip.write(value);
      fresh = false;
      bench.sim.clock.tick(22_500);
      i2c.completeWrite(true);
    };
    i2c.onReadByte = () => { bench.sim.clock.tick(22_500); i2c.completeRead(chip.read()); };
    i2c.onStop = () => { if (chip?.stop) chip.stop(); i2c.completeStop(); };
  }
}

bench.chips = new Bus();
load(uf2);
const far = fs.createReadStream(null, { fd: line, autoClose: false });
far.on("data", (data) => { if (!bench.dark) bench.rx.push(...noisy([...data])); });
far.on("error", () => {});
readline.createInterface({ input: process.stdin }).on("line", (text) => {
  const order = JSON.parse(text);
  try { say({ event: "done", order: order.id, ...ORDERS[order.do](order) }); }
  catch (error) { say({ event: "done", order: order.id, trouble: String(error) }); }
}).on("close", () => process.kill(process.pid, "SIGKILL"));  // a read of the pty is still under way
onward();
