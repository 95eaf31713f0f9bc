// The I2C parts of a unit as the bus sees them. Register maps: INA226 SBOS547A, INA219 SBOS448G, DS3231 19-5170, TMP117 SNOSD82.
// `dead` true: no acknowledge.

class Words {
  // A chip of 16-bit registers, big-endian.
  constructor(address) { this.address = address; this.dead = false; this.pointer = 0; this.half = 0; this.high = 0; }
  point(value) { this.pointer = value; this.half = 0; }
  read() { const word = this.word(this.pointer) & 0xffff; return this.half++ % 2 ? word & 255 : word >> 8; }
  write(value) { if (this.half++ % 2) this.put(this.pointer, this.high << 8 | value); else this.high = value; }
  put() {}
}

// INA226, or INA219 with `kind` 219. `ma` is negative out of the pack; `shuntMohm` is what is soldered in.
export class Gauge extends Words {
  constructor() { super(0x40); this.mv = 5900; this.ma = -25; this.kind = 226; this.shuntMohm = 20; this.config = 0x4127; }
  word(register) {
    const microvolts = -this.ma * this.shuntMohm;
    if (register === 0) return this.config;
    if (register === 1) return Math.round(microvolts / (this.kind === 226 ? 2.5 : 10));
    if (register === 2) return this.kind === 226 ? Math.round(this.mv / 1.25) : Math.round(this.mv / 4) << 3;
    return this.kind === 226 ? { 0xfe: 0x5449, 0xff: 0x2260 }[register] ?? 0 : 0;
  }
  put(register, value) { if (register === 0) this.config = value; }
}

export class Thermometer extends Words {
  constructor() { super(0x48); this.cc = 1500; this.dead = true; this.config = 0x0220; }
  word(register) {
    if (register === 0) return Math.round(this.cc * 1.28);  // 7.8125 millidegrees a step
    if (register === 1) return this.config | 0x2000;  // a conversion is always ready
    return register === 15 ? 0x0117 : 0;
  }
  put(register, value) { if (register === 1) this.config = value; }
}

const bcd = (n) => Math.floor(n / 10) << 4 | n % 10;
const number = (b) => (b >> 4) * 10 + (b & 15);

// `now` gives the UTC seconds of the world; what the chip shows is that plus `offset`. `cc`: hundredths of a degree.
export class DS3231 {
  constructor(now) {
    this.address = 0x68; this.dead = false; this.now = now; this.offset = 0; this.pointer = 0; this.cc = 1500;
    this.alarm = [0, 0, 0, 0]; this.control = 0x1c; this.status = 0; this.written = [];
  }
  point(value) { this.pointer = value; this.written = []; }
  read() { return this.register(this.pointer++); }
  write(value) {
    const at = this.pointer++;
    if (at < 7) this.written[at] = value;
    else if (at < 0x0b) this.alarm[at - 7] = value;
    else if (at === 0x0e) this.control = value;
    else if (at === 0x0f) this.status = this.status & value & 0x83 | value & 0x08;  // flags are only ever cleared
  }
  stop() { if (this.written.length >= 7) { this.offset = this.told(this.written) - this.now(); } this.written = []; }
  told([second, minute, hour, , day, month, year]) {
    return Date.UTC(2000 + number(year), number(month & 31) - 1, number(day), number(hour), number(minute), number(second)) / 1000;
  }
  register(at) {
    const time = new Date((this.now() + this.offset) * 1000);
    const fields = [time.getUTCSeconds(), time.getUTCMinutes(), time.getUTCHours(), time.getUTCDay() + 1, time.getUTCDate(),
      time.getUTCMonth() + 1, time.getUTCFullYear() % 100];
    if (at < 7) return bcd(fields[at]);
    if (at < 0x0b) return this.alarm[at - 7];
    if (at === 0x0e) return this.control;
    if (at === 0x0f) return this.status;
    const quarters = Math.floor(this.cc / 25);
    return at === 0x11 ? quarters >> 2 & 255 : at === 0x12 ? (quarters & 3) << 6 : 0;
  }
  // Next second after `from` at which alarm 1 matches day, hour, minute and second; null when it is off.
  alarmAfter(from) {
    if (!(this.control & 1)) return null;
    const [second, minute, hour, day] = this.alarm.map((b) => number(b & 0x7f)), today = new Date(from * 1000);
    for (const month of [0, 1, 2, 3]) {
      const at = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + month, day, hour, minute, second);
      if (at / 1000 > from && new Date(at).getUTCDate() === day) return at / 1000;
    }
    return null;
  }
  alarmSeconds() { const at = this.alarmAfter(this.now() + this.offset); return at === null ? null : at - this.offset; }
  ringing() {
    const shown = this.now() + this.offset, due = this.last === undefined ? null : this.alarmAfter(this.last);
    if (due !== null && due <= shown) this.status |= 1;
    this.last = shown;
    return !!(this.control & 4 && this.control & 1 && this.status & 1);
  }
  level(chip, pin) { chip.gpio[pin].setInputValue(!this.ringing()); }
}
