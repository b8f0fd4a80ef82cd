// docs/settings.md says of every setting what the programs themselves say. With GOGRID_WRITE_DOCS=1 it is written instead of compared.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { binDir } from "./support/grid.ts";
import { run } from "./support/process.ts";

const page = path.resolve(import.meta.dirname, "../../docs/settings.md");
const home = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-settings-"));
after(() => fs.rmSync(home, { recursive: true }));

interface Row {
  key: string;
  value: string;
  help: string;
}

async function stdout(program: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(path.join(binDir, program), args, { env: { PATH: process.env.PATH, HOME: home } });
  assert.equal(code, 0, stderr);
  return stdout;
}

/** As `serve --help` shows them: a file of settings with what each one does above it. */
async function coordinatorRows(): Promise<Row[]> {
  const rows: Row[] = [];
  let section = "";
  let help: string[] = [];
  for (const line of (await stdout("gogrid-coordinator", ["serve", "--help"])).split("\n").map((text) => text.trim())) {
    section = /^\[([a-z]+)\]$/.exec(line)?.[1] ?? section;
    if (line.startsWith("# ")) help.push(line.slice(2));
    const [, name, value] = /^([a-z_]+) = (.*)$/.exec(line) ?? [];
    if (!section || !name) continue;
    // Where that is depends on who asks.
    rows.push({ key: `${section}.${name}`, value: name === "data_dir" ? "" : value!, help: help.join(" ") });
    help = [];
  }
  return rows;
}

async function workerRows(): Promise<Row[]> {
  const { settings } = JSON.parse(await stdout("gogrid-worker", ["--state-dir", path.join(home, "state"), "settings", "--json"]));
  return settings.map((one: any) => ({ key: one.key, value: one.default === null ? "" : JSON.stringify(one.default), help: one.help }));
}

function table(rows: Row[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const line = ({ key, value, help }: Row) => `| \`${key}\` | ${value === "" || value === '""' ? "" : `\`${cell(value)}\``} | ${cell(help)} |`;
  return ["| setting | default | what it is |", "|---|---|---|", ...rows.map(line)].join("\n");
}

test("the page has every setting, with its default and what it is", async () => {
  const [coordinator, worker] = [await coordinatorRows(), await workerRows()];
  assert.ok(coordinator.length > 30 && worker.length > 30, `${coordinator.length} and ${worker.length} settings`);
  const text = `# Settings

The coordinator's, in \`coordinator.toml\`, or as variables (\`GOGRID_COORDINATOR_SERVER_PORT\`) and for some as flags, which
\`gogrid-coordinator serve --help\` shows; [operations](operations.md#coordinator) says how they go together:

${table(coordinator)}

The worker's, in \`config.toml\` of its settings directory, as variables (\`GOGRID_WORKER_THREADS\`), as flags of \`gogrid-worker run\`, or
in the tray's settings. The defaults are those of the preset \`default\`; [operations](operations.md#worker) has the others:

${table(worker)}
`;
  if (process.env.GOGRID_WRITE_DOCS) fs.writeFileSync(page, text);
  assert.equal(fs.readFileSync(page, "utf8"), text, "write it with GOGRID_WRITE_DOCS=1");
});
