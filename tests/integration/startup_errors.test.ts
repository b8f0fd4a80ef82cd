// What keeps the coordinator or a worker from starting is said in one line, which names the thing and what to do, and ends it with 1.
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { binDir } from "./support/grid.ts";
import { run } from "./support/process.ts";

const home = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-startup-"));
const env = { PATH: process.env.PATH, HOME: home };
const dataDir = path.join(home, "coordinator");
const nowhere = path.join(home, "file", "below");
// Root may write everywhere, unless it gives that up.
const asOrdinaryUser = process.getuid!() === 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : ["env"];

before(async () => {
  fs.writeFileSync(path.dirname(nowhere), "");
  const { code, stderr } = await run(path.join(binDir, "gogrid-coordinator"), ["init", "--data-dir", dataDir], { env });
  assert.equal(code, 0, stderr);
});
after(() => fs.rmSync(home, { recursive: true, force: true }));

async function refused(program: string, args: string[], words: RegExp): Promise<void> {
  const [file, ...first] = [...asOrdinaryUser, path.join(binDir, program)];
  const { code, stdout, stderr } = await run(file!, [...first, ...args], { env });
  const what = `${program} ${args.join(" ")}: ${stderr}`;
  assert.match(stderr, words, what);
  assert.match(stderr, new RegExp(`^${program}: .+\\n$`), what);
  assert.deepEqual([code, stdout], [1, ""], what);
}

const serve = (words: RegExp, args: string[] = [], dir = dataDir) =>
  refused("gogrid-coordinator", ["serve", "--data-dir", dir, "--bind-addr", "127.0.0.1", ...args], words);

/** Both ways to start a worker. */
async function worker(words: RegExp, ...args: string[]): Promise<void> {
  await refused("gogrid-worker", [...args, "run"], words);
  await refused("gogrid-worker", [...args, "join", "ggj_x"], words);
}

test("a settings file that is no TOML, with the line", async () => {
  const file = path.join(home, "broken.toml");
  fs.writeFileSync(file, "[server]\nport = = 1\n");
  await serve(/broken\.toml:2: /, ["--config", file]);
  await worker(/broken\.toml:2: /, "--config", file);
});

test("a setting that there is not, by its name", async () => {
  const file = path.join(home, "unknown.toml");
  fs.writeFileSync(file, "[server]\nprot = 1\n");
  await serve(/unknown\.toml:2: "?server\.prot"? is not a setting/, ["--config", file]);
  fs.writeFileSync(file, "[worker]\nthread = 1\n");
  await worker(/unknown\.toml:2: "?worker\.thread"? is not a setting/, "--config", file);
});

test("a TCP port that another program has", async () => {
  const other = net.createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as net.AddressInfo;
  await serve(new RegExp(`127\\.0\\.0\\.1:${port}: Address already in use; .*choose another port`), ["--port", String(port)]);
  other.close();
});

test("a UDP port that another program has", async () => {
  const other = dgram.createSocket("udp4").bind(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address();
  await serve(new RegExp(`UDP 127\\.0\\.0\\.1:${port}: Address already in use; .*choose another port`), ["--port", String(port)]);
  other.close();
});

test("a directory that is another's", async () => {
  const closed = path.join(home, "closed");
  fs.mkdirSync(closed, { mode: 0o500 });
  await refused("gogrid-coordinator", ["init", "--data-dir", path.join(closed, "new")], /closed\/new: Permission denied; change .* owner, or choose another --data-dir/);
  await worker(/closed\/new: Permission denied; choose another with --state-dir/, "--state-dir", path.join(closed, "new"));
  await worker(/cannot write to .*closed; change its owner, or choose another with --state-dir/, "--state-dir", closed);
  fs.chmodSync(closed, 0);
  await serve(/closed\/coordinator\.toml: Permission denied; change .* owner, or choose another --data-dir/, [], closed);
  fs.chmodSync(closed, 0o700);
});

test("a directory that cannot be one", async () => {
  await serve(/below is not initialised: run `gogrid-coordinator init --data-dir .*below` first/, [], nowhere);
  await refused("gogrid-coordinator", ["init", "--data-dir", nowhere], /file exists and is not a directory; .*choose another --data-dir/);
  const lock = path.join(dataDir, "lock");
  fs.rmSync(lock);
  fs.mkdirSync(lock);
  await serve(/lock: Is a directory; .*choose another --data-dir/);
  fs.rmdirSync(lock);
  await worker(/file exists and is not a directory; choose another with --state-dir/, "--state-dir", nowhere);
});
