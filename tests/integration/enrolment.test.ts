// Who may become a worker, who stays one, and who is cut off.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { before, test } from "node:test";
import { binDir, eventually, Grid, Worker } from "./support/grid.ts";
import { Program } from "./support/process.ts";

let grid: Grid;

before(async () => {
  grid = await Grid.start();
});

const stored = (worker: Worker) => fs.existsSync(path.join(worker.stateDir, "identity", "worker.pem"));

async function refused(name: string, token: string, words: RegExp): Promise<void> {
  const worker = new Worker(grid, name);
  const result = await worker.join(token);
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stderr, words);
  assert.equal(result.stderr.trim().split("\n").length, 1, `one line: ${result.stderr}`);
  assert.equal(stored(worker), false, "nothing is stored");
}

test("a used, expired, tampered or revoked token is refused with the reason", async () => {
  const once = (await grid.api("POST", "/api/v1/tokens", { name: "once" })).json;
  assert.equal((await new Worker(grid, "first").join(once.token)).code, 0);
  await refused("second", once.token, /used/i);

  const expired = (await grid.api("POST", "/api/v1/tokens", { expires_in_seconds: 0 })).json;
  if (expired.token) await refused("late", expired.token, /expired/i);

  const good = (await grid.api("POST", "/api/v1/tokens", {})).json;
  const [head, secret, pin] = good.token.split(".") as [string, string, string];
  await refused("tampered", [head, secret.split("").reverse().join(""), pin].join("."), /token/i);
  await refused("wrong-ca", [head, secret, "0".repeat(64)].join("."), /trust|authority|CA|certificate/i);
  await refused("malformed", "ggj_nonsense", /token/i);

  await grid.api("DELETE", `/api/v1/tokens/${good.id}`);
  await refused("revoked", good.token, /token/i);
});

test("a worker keeps its identity over restarts, and its key is its own", async () => {
  const worker = await grid.addWorker("steady");
  const first = await worker.seen();
  const key = path.join(worker.stateDir, "identity", "worker.key");
  assert.equal(fs.statSync(key).mode & 0o777, 0o600);
  assert.equal(await worker.program.stop(), 0);
  await worker.start().saying(/connected/);
  await eventually("it is back", async () => (await worker.seen()).connected);
  assert.equal((await worker.seen()).id, first.id);
  assert.equal(((await grid.api("GET", "/api/v1/workers")).json.data as any[]).filter((w) => w.name === "steady").length, 1);
});

test("a worker that is given another name is known by it from its next start on", async () => {
  const worker = await grid.addWorker("old-name");
  const { id } = await worker.seen();
  const called = async () => (await grid.api("GET", `/api/v1/workers/${id}`)).json;
  assert.equal(await worker.program.stop(), 0);
  const renamed = new Worker(grid, "old-name", { GOGRID_WORKER_NAME: "new name" });
  await renamed.start().saying(/connected/);
  await eventually("it has its new name", async () => (await called()).name === "new-name");
  assert.equal((await called()).host_name, "new-name");
  assert.equal(await worker.seen(), undefined, "nobody has the old one");
  assert.equal((await grid.api("GET", "/api/v1/workers/new-name")).json.id, id);
  await grid.coordinator.saying(new RegExp(`worker ${id} \\(old-name\\) is now called new-name`));

  // Not given any more: it is called by its host's name.
  assert.equal(await renamed.program.stop(), 0);
  await worker.start().saying(/connected/);
  await eventually("it is called by its host's name", async () => {
    const { name, host_name } = await called();
    return name !== "new-name" && name.startsWith(host_name);
  });
});

test("an address with a port is enough, and is the same at each start", async () => {
  const worker = new Worker(grid, "one-variable");
  const address = `127.0.0.1:${grid.port}`;
  const token = (await grid.api("POST", "/api/v1/tokens", { name: "one-variable" })).json.token as string;
  const env = { PATH: process.env.PATH, HOME: grid.dir, GOGRID_COORDINATOR_HOST: address };
  const start = (more: NodeJS.ProcessEnv) =>
    grid.program(
      new Program("one-variable", path.join(binDir, "gogrid-worker"), ["--state-dir", worker.stateDir, "run"], { ...env, ...more }),
    );
  const first = start({ GOGRID_JOIN_TOKEN: token });
  await first.saying(/^connected to/);
  assert.equal(await first.stop(), 0);
  const bare = start({ GOGRID_COORDINATOR_HOST: "127.0.0.1" });
  await bare.saying(/^connected to/);
  assert.equal(await bare.stop(), 0);
});

test("on a terminal a person is asked for what is missing, and the worker starts; the token is not shown", async () => {
  const token = (await grid.api("POST", "/api/v1/tokens", { name: "pasted" })).json.token as string;
  const worker = new Worker(grid, "pasted");
  const env = { PATH: process.env.PATH, HOME: grid.dir, GOGRID_COMMAND: path.join(binDir, "gogrid-worker"), GOGRID_WORKER_STATE_DIR: worker.stateDir };
  // It gives the command a terminal, and types there what it reads.
  const terminal = spawn("script", ["-qec", '"$GOGRID_COMMAND" run', "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(terminal, "close");
  let screen = "";
  terminal.stdout.setEncoding("utf8").on("data", (text: string) => (screen += text));
  const seen = (what: string) => eventually(`the terminal shows "${what}", not only ${screen}`, async () => screen.includes(what));
  await seen("Coordinator's host name or address: ");
  terminal.stdin.write("127.0.0.1\n");
  await seen("Coordinator's port [8443]: ");
  terminal.stdin.write(`${grid.port}\n`);
  await seen("not shown): ");
  terminal.stdin.write(`${token}\n`);
  await seen("connected to 127.0.0.1");
  assert.ok(!screen.includes(token.slice(0, 12)), screen);
  assert.equal((await worker.command(["stop"])).code, 0);
  assert.equal((await closed)[0], 0, screen);
});

test("joining another coordinator than the configured one is refused", async () => {
  const worker = new Worker(grid, "torn");
  const token = (await grid.api("POST", "/api/v1/tokens", { name: "torn" })).json.token as string;
  const result = await worker.command(["join", "--coordinator", "localhost:1", "-"], token + "\n");
  assert.equal(result.code, 1);
  assert.match(result.stderr, /cannot join localhost:1.*127\.0\.0\.1.*GOGRID_COORDINATOR_HOST/);
  assert.equal(stored(worker), false);
});

test("revoking cuts a connected worker off at once and keeps it out", async () => {
  const worker = await grid.addWorker("unwanted");
  const result = await grid.cli(["worker", "revoke", "unwanted", "--yes"]);
  assert.equal(result.code, 0, result.stderr);
  await eventually("the coordinator has dropped it", async () => !(await worker.seen())?.connected, 5);
  const status = await eventually("the worker knows why", async () => {
    const seen = await worker.status();
    return /revoked/i.test(JSON.stringify(seen.coordinator)) && seen;
  });
  assert.equal(status.coordinator.connected, false);
});

test("a worker outlives its coordinator's absence", async () => {
  const worker = await grid.addWorker("patient");
  grid.coordinator.killNow();
  await grid.coordinator.exited;
  await eventually("it notices", async () => !(await worker.status()).coordinator.connected);
  await grid.startCoordinator();
  await eventually("it is back", async () => (await worker.seen())?.connected);
});
