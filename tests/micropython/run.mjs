// node run.mjs MODULE_FOLDER SCRIPT ROOTS FOLDERS -- ARGUMENT... : MicroPython 1.27 in WebAssembly.
// FOLDERS (joined by :) are copied in under their own names, .py and .json only; ROOTS (joined by :) become its sys.path.
// Exit code: 0 done, 1 exception.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const split = process.argv.indexOf("--");
const [modules, script, roots, folders] = process.argv.slice(2, split);
const args = process.argv.slice(split + 1);
const home = path.join(modules, "@micropython", "micropython-webassembly-pyscript", "micropython.mjs");
const { loadMicroPython } = await import(pathToFileURL(home));
const mp = await loadMicroPython({ heapsize: 32 * 1024 * 1024, linebuffer: true, stdout: (line) => console.log(line) });

function copy(folder) {
  mp.FS.mkdirTree(folder);
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== "__pycache__") copy(file);
    else if (/\.(py|json)$/.test(entry.name)) mp.FS.writeFile(file, fs.readFileSync(file));
  }
}

folders.split(":").forEach(copy);
const head = `import sys\nsys.path[:0] = ${JSON.stringify(roots.split(":"))}\nARGUMENTS = ${JSON.stringify(args)}\n`;
try {
  mp.runPython(head + fs.readFileSync(script, "utf8"));
} catch (error) {
  console.error(String(error.message ?? error));
  process.exitCode = 1;
}
