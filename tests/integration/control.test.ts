// The control socket of a real worker: what its owner's programs are told, who is let in, and what a program that misbehaves can do.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { before, test } from "node:test";
import { binDir, eventually, Grid, type Worker } from "./support/grid.ts";
import { Control, controlSocket } from "./support/control.ts";
import { Program } from "./support/process.ts";

let grid: Grid;
let worker: Worker;

before(async () => {
  grid = await Grid.start();
  worker = await grid.addWorker("den");
  await eventually("it is available", async () => (await worker.status()).availability === "available");
});

const isPaused = (status: any) => status.availability === "paused";
const isAvailable = (status: any) => status.availability === "available";

/** A command that goes on printing. */
function watch(args: string[]): Program {
  return new Program("watch", path.join(binDir, "gogrid-worker"), ["--state-dir", worker.stateDir, "status", "--watch", ...args], worker.env);
}

test("a subscriber is told of a pause and of its end, whoever asked for them", async () => {
  const control = Control.of(worker);
  assert.equal((await control.result("status.subscribe")).availability, "available");
  assert.equal((await worker.command(["pause", "--reason", "a film"])).code, 0);
  assert.equal((await control.told("status.changed", isPaused)).reason, "a film");
  assert.equal((await control.result("resume")).availability, "available");
  await control.told("status.changed", isAvailable);
  control.close();
});

test("the status is the one that the command line prints", async () => {
  const control = Control.of(worker);
  const told = await control.result("status.get");
  const printed = await worker.status();
  for (const status of [told, printed]) status.coordinator.rtt_ms = null;
  assert.deepEqual(told, printed);
  control.close();
});

test("two programs at once are answered and told alike", async () => {
  const [one, other] = [Control.of(worker), Control.of(worker)];
  await Promise.all([one.result("status.subscribe"), other.result("status.subscribe")]);
  const [paused, status] = await Promise.all([one.result("pause", { reason: "by one" }), other.result("status.get")]);
  assert.equal(paused.availability, "paused");
  assert.equal(status.name, paused.name);
  const told = await Promise.all([one.told("status.changed", isPaused), other.told("status.changed", isPaused)]);
  assert.deepEqual(told.map((params) => params.reason), ["by one", "by one"]);
  await other.result("resume");
  await Promise.all([one.told("status.changed", isAvailable), other.told("status.changed", isAvailable)]);
  one.close();
  other.close();
});

test("what is wrong with a request is said, and the connection goes on", async () => {
  const control = Control.of(worker);
  const cases: [string, object | undefined, number, string][] = [
    ["hibernate", undefined, -32601, "not_found"],
    ["pause", { raeson: "a film" }, -32602, "invalid_argument"],
    ["pause", { reason: 7 }, -32602, "invalid_argument"],
    ["status.get", ["x"], -32602, "invalid_argument"],
  ];
  for (const [method, params, code, name] of cases) {
    const { error } = await control.request(method, params);
    assert.deepEqual([error.code, error.data.code], [code, name], method);
    assert.notEqual(error.message, "");
  }
  assert.equal((await control.result("status.get")).availability, "available");
  control.close();
});

test("what is no message is answered and closes its connection; the worker goes on", async () => {
  const bystander = Control.of(worker);
  await bystander.result("status.subscribe");
  const stop = '{"jsonrpc":"2.0","id":1,"method":"stop"}\n';
  const garbage = ["GET /v1/status HTTP/1.1\r\n\r\n", "\0\0\0\0\n", `[${stop.trim()}]\n`, "[".repeat(60_000) + "\n", "x".repeat(70_000), "x".repeat(1_000_000) + "\n"];
  for (const text of garbage) {
    const control = Control.of(worker);
    control.write(text + stop);
    const answer = await control.line();
    assert.equal(answer.id, null);
    assert.ok(answer.error.code <= -32600, JSON.stringify(answer));
    assert.equal(await control.line(), undefined);
    await control.closed;
  }
  assert.equal((await bystander.result("status.get")).availability, "available");
  bystander.close();
});

test("one program more than sixteen is told so and closed, also the command line", async () => {
  const controls: Control[] = [];
  while (controls.length < 16) {
    const control = Control.of(worker);
    control.write('{"jsonrpc":"2.0","id":0,"method":"status.get"}\n');
    // Those of the tests before may not be gone yet.
    if ((await control.line()).result) controls.push(control);
  }
  const oneMore = Control.of(worker);
  assert.equal((await oneMore.line()).error.data.code, "resource_exhausted");
  await oneMore.closed;
  const refused = await worker.command(["status"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /too many programs/);
  for (const control of controls) control.close();
  await eventually("there is room again", async () => (await worker.command(["status"])).code === 0);
});

test("another user is refused: by the directory, by the socket, and where both are open by who it is", async (context) => {
  if (process.getuid!() !== 0) return context.skip("only root can be somebody else");
  const file = controlSocket(worker);
  const asNobody = (): Control => {
    process.seteuid!(65534);
    try {
      return new Control(file);
    } finally {
      process.seteuid!(0);
    }
  };
  const failure = async (control: Control): Promise<string> =>
    new Promise((resolve) => {
      control.socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      control.socket.once("connect", () => resolve("connected"));
    });
  assert.equal(await failure(asNobody()), "EACCES");
  for (const directory of [grid.dir, worker.stateDir, path.dirname(file)]) fs.chmodSync(directory, 0o755);
  assert.equal(await failure(asNobody()), "EACCES");
  fs.chmodSync(file, 0o666);
  for (let i = 0; i < 3; i++) {
    const control = asNobody();
    control.write('{"jsonrpc":"2.0","id":1,"method":"stop"}\n');
    assert.equal(await control.line(), undefined);
    await control.closed;
  }
  await worker.program.saying(/control socket: user 65534 tried to connect/);
  assert.equal(worker.program.stderr.match(/control socket: user 65534 tried to connect/g)?.length, 1, worker.program.stderr);
  assert.equal((await worker.status()).availability, "available");
  for (const directory of [path.dirname(file), worker.stateDir, grid.dir]) fs.chmodSync(directory, 0o700);
});

test("status --watch prints a page at each change, --json a line", async () => {
  const pages = watch([]);
  const lines = watch(["--json"]);
  await pages.saying(/^availability +available/);
  await lines.saying(/"availability":"available"/);
  await worker.command(["pause", "--reason", "to watch"]);
  await pages.saying(/^availability +paused: to watch/);
  const [line] = await lines.saying(/^.*"reason":"to watch".*$/);
  assert.equal(JSON.parse(line!).availability, "paused");
  await worker.command(["resume"]);
  pages.kill("SIGINT");
  assert.equal(await pages.exited, 0);
  assert.equal(await lines.stop(), 0);
});

test("stopped, it says so to whoever listens, and hangs up", async () => {
  const control = Control.of(worker);
  await control.result("status.subscribe");
  const watching = watch([]);
  await watching.saying(/^availability/);
  const asked = Control.of(worker);
  assert.equal((await asked.result("stop")).availability, "draining");
  await control.told("status.changed", (status) => status.availability === "draining");
  while ((await control.line()) !== undefined);
  await control.closed;
  assert.equal(await worker.program.exited, 0);
  assert.equal(await watching.exited, 3);
  assert.match(watching.stderr, /the worker ended the connection|no worker is running here/);
  assert.equal((await worker.command(["status", "--watch"])).code, 3);
  assert.equal(fs.existsSync(controlSocket(worker)), false);
});
