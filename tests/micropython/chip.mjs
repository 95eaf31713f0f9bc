// node chip.mjs MODULE_FOLDER FLASH : MicroPython 1.27's own REPL on standard input and output, FLASH (a folder here) as its flash.
// Behaves at its USB as a Pico does: raw REPL, soft reset by Ctrl-D, hard reset by machine.reset(). Not there: the raw-paste mode
// of a real port (which needs to wait within a character); asked for it, it says what an old firmware says.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, flash] = process.argv.slice(2);
const home = path.join(modules, "@micropython", "micropython-webassembly-pyscript", "micropython.mjs");
const { loadMicroPython } = await import(pathToFileURL(home));
// Emscripten numbers its errors in its own way; mpremote reads the words that a Pico has for them.
const ERRORS = { 20: "[Errno 17] EEXIST", 31: "[Errno 21] EISDIR", 44: "[Errno 2] ENOENT", 54: "[Errno 20] ENOTDIR", 55: "[Errno 39] ENOTEMPTY" };
let said = [];
const say = (data) => said.push(Buffer.from(data));
function speak() {
  const text = Buffer.concat(said.splice(0)).toString("latin1");
  const worded = text.replace(/OSError: (20|31|44|54|55)\r\n/g, (_, number) => `OSError: ${ERRORS[number]}\r\n`);
  const bytes = Buffer.from(worded, "latin1");
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(1, bytes, at);
}
const mp = await loadMicroPython({ heapsize: 1024 * 1024, linebuffer: false, stdout: say });

// The flash lies in memory and is copied out after every order, so that a test sees what the chip holds.
mp.FS.mkdirTree("/flash");
function load(from, to) {
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [here, there] = [path.join(from, entry.name), `${to}/${entry.name}`];
    if (entry.isDirectory()) {
      mp.FS.mkdirTree(there);
      load(here, there);
    } else mp.FS.writeFile(there, fs.readFileSync(here));
  }
}
function save(from, to) {
  const names = mp.FS.readdir(from).filter((name) => name !== "." && name !== "..");
  fs.mkdirSync(to, { recursive: true });
  for (const gone of fs.readdirSync(to).filter((name) => !names.includes(name))) fs.rmSync(path.join(to, gone), { recursive: true });
  for (const name of names) {
    const [here, there] = [`${from}/${name}`, path.join(to, name)];
    if (mp.FS.isDir(mp.FS.stat(here).mode)) save(here, there);
    else fs.writeFileSync(there, mp.FS.readFile(here));
  }
}
load(flash, "/flash");
mp.FS.mkdirTree("/lib");
mp.FS.writeFile("/lib/machine.py", "def reset():\n    open('/flash/.restarted', 'w').close()\n");
mp.runPython("import os, sys\nos.chdir('/flash')\nsys.path[:] = ['', '.frozen', '/lib']\n");
mp.replInit();
speak();

const PASTE = [5, 65, 1]; // Ctrl-E A Ctrl-A
let asked = [];
function take(character) {
  if (character === PASTE[asked.length]) {
    asked.push(character);
    if (asked.length === PASTE.length) {
      asked = [];
      say("R\x00");
    }
    return;
  }
  for (const one of [...asked.splice(0), character]) {
    if (mp.replProcessChar(one)) {
      say("MPY: soft reboot\r\n");
      mp.replInit();
    }
  }
}
process.stdin.on("data", (data) => {
  for (const character of data) take(character);
  save("/flash", flash);
  speak();
});
