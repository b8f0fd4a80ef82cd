// The units of packaging/systemd: systemd takes them as they are, and finds them as little exposed as docs/operations.md says.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { binDir } from "./support/grid.ts";

const top = path.resolve(import.meta.dirname, "../..");
const packaging = path.join(top, "packaging/systemd");
const copies = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-units-"));
after(() => fs.rmSync(copies, { recursive: true }));
const skip = spawnSync("systemd-analyze", ["--version"]).status === 0 ? false : "systemd-analyze is not installed";

interface Verdict {
  status: number | null;
  text: string;
}

function analyze(args: string[]): Verdict {
  // A user's units are looked at without that user's manager.
  const env = { PATH: process.env.PATH, XDG_RUNTIME_DIR: copies, HOME: copies };
  const { status, stdout, stderr } = spawnSync("systemd-analyze", ["--no-pager", ...args], { encoding: "utf8", env });
  return { status, text: stdout + stderr };
}

/** The unit with the programs that were built just now. */
function copy(unit: string): string {
  const text = fs.readFileSync(path.join(packaging, unit), "utf8").replaceAll("/usr/bin/gogrid-", path.join(binDir, "gogrid-"));
  const file = path.join(copies, unit);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

const units: { unit: string; scope: string[]; exposure: number }[] = [
  { unit: "gogrid-coordinator.service", scope: [], exposure: 1.5 },
  { unit: "gogrid-worker.service", scope: [], exposure: 4.0 },
  { unit: "user/gogrid-worker.service", scope: ["--user"], exposure: 8.0 },
];

test("systemd finds no fault with them", { skip }, () => {
  copy("gogrid.slice");
  for (const { unit, scope } of units) {
    const verdict = analyze(["verify", "--man=no", "--recursive-errors=no", ...scope, copy(unit)]);
    assert.deepEqual([verdict.status, verdict.text], [0, ""], unit);
  }
});

test("their exposure stays what it is, and is what the documentation says", { skip }, () => {
  const documented = fs.readFileSync(path.join(top, "docs/operations.md"), "utf8");
  for (const { unit, scope, exposure } of units) {
    const { text } = analyze(["security", "--offline=true", ...scope, path.join(packaging, unit)]);
    const figure = /Overall exposure level for \S+: ([\d.]+)/.exec(text)?.[1];
    assert.ok(figure !== undefined && Number(figure) <= exposure, `${unit}: ${text.slice(-300)}`);
    assert.ok(documented.includes(`| \`${unit}\` | ${figure} |`), `docs/operations.md says another figure than ${figure} for ${unit}`);
  }
});
