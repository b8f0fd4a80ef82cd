// clang-tidy over every C++ file, several in one translation unit: most of its time goes into headers, which they share. Files
// whose names clash are looked at alone. Prints what is found; exit code 1 when that is something.
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { listFiles, top } from "./files.ts";

interface Command {
  directory: string;
  command: string;
  file: string;
}

const filesPerUnit = 7;
const unitDir = path.join(top, "build/clang-tidy");
const database: Command[] = JSON.parse(fs.readFileSync(path.join(top, "build/dev/compile_commands.json"), "utf8"));
const wanted = new Set(listFiles(/^(src|apps)\/.*\.cpp$/).map((file) => path.join(top, file)));
const commands = database.filter(({ file }) => wanted.has(file));
const unbuilt = [...wanted].filter((file) => !commands.some((one) => one.file === file));

/** The same for all files of a target. */
const flags = ({ command }: Command) => command.replace(/ -o \S+ -c .*$/, "");

function units(): Command[][] {
  const targets = new Map<string, Command[]>();
  for (const one of commands) targets.set(flags(one), [...(targets.get(flags(one)) ?? []), one]);
  return [...targets.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / filesPerUnit) }, (_, n) => all.slice(n * filesPerUnit, (n + 1) * filesPerUnit)),
  );
}

function tidy(args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const options = { cwd: top, encoding: "utf8" as const, maxBuffer: 1 << 28 };
    execFile("clang-tidy-14", ["--quiet", ...args], options, (error, stdout, stderr) => resolve(error ? stdout + stderr || error.message : ""));
  });
}

let unitCount = 0;
let done = 0;
const findings = unbuilt.map((file) => `${file}: no target builds it`);

function looked(count: number, found: string): void {
  done += count;
  if (process.stderr.isTTY) process.stderr.write(`\r[${done} of ${commands.length}]\x1b[K`);
  if (found) findings.push(found);
}

async function lookAt(files: Command[]): Promise<void> {
  if (files.length === 1) return looked(1, await tidy(["-p", "build/dev", files[0]!.file]));
  const dir = path.join(unitDir, String(unitCount++));
  const file = path.join(dir, "unit.cpp");
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(file, files.map((one) => `#include "${one.file}"\n`).join(""));
  const command = `${flags(files[0]!)} -o unit.o -c ${file}`;
  fs.writeFileSync(path.join(dir, "compile_commands.json"), JSON.stringify([{ directory: files[0]!.directory, command, file }]));
  const found = await tidy(["-p", dir, "--config-file=.clang-tidy", "--checks=-bugprone-suspicious-include", file]);
  if (!found.includes("[clang-diagnostic-error]")) return looked(files.length, found);
  const clashing = (one: Command) => found.split("\n").some((line) => line.startsWith(one.file) && line.includes("clang-diagnostic-error"));
  const others = files.filter((one) => !clashing(one));
  if (others.length === 0 || others.length === files.length) {
    for (const one of files) await lookAt([one]);
  } else {
    await lookAt(others);
    await lookAt(files.filter(clashing));
  }
}

fs.rmSync(unitDir, { recursive: true, force: true });
const waiting = units();
async function work(): Promise<void> {
  for (let unit = waiting.pop(); unit; unit = waiting.pop()) await lookAt(unit);
}
await Promise.all(Array.from({ length: os.availableParallelism() }, work));
fs.rmSync(unitDir, { recursive: true, force: true });
for (const found of findings) console.error(found);
process.exit(findings.length > 0 ? 1 : 0);
