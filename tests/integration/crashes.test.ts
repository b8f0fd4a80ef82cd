// Whatever is killed, or hangs, under load comes back by itself, the next request works, and no process is left behind.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { before, test } from "node:test";
import * as path from "node:path";
import { eventually, Grid, sampleModel } from "./support/grid.ts";
import { request, standIn, standInGrid } from "./support/jobs.ts";
import { descendants, processesWith, procText } from "./support/process.ts";

let grid: Grid;
const body = {
  model: "gogrid-sample",
  messages: [{ role: "user", content: "What is GoGrid?" }],
  max_tokens: 400,
  ignore_eos: true,
};

before(async () => {
  grid = await Grid.withWorkers(0);
  const worker = await grid.addWorker("worker-1", [], { GOGRID_WORKER_ENGINE_HANG_TIMEOUT: "10s" });
  await worker.replica("gogrid-sample");
});

/** Eight requests on their way; their outcomes do not matter here, only that each one ends. */
function load(): Promise<unknown> {
  return Promise.all(Array.from({ length: 8 }, () => grid.api("POST", "/v1/chat/completions", body).catch(() => undefined)));
}

async function answers(): Promise<void> {
  await eventually("the next request works", async () => {
    const answer = await grid.api("POST", "/v1/chat/completions", { ...body, max_tokens: 8 }).catch(() => undefined);
    return answer?.status === 200 && answer.json.choices[0].message.content.length > 0;
  });
}

const busy = () => eventually("requests run", async () => (await grid.metric("gogrid_requests_in_flight")) >= 4);
const engines = () => processesWith(grid.dir).filter(({ command }) => command.includes("llama-server"));

test("the engine", async () => {
  const loaded = load();
  await busy();
  const before = engines();
  assert.ok(before.length > 0);
  for (const { pid } of before) process.kill(pid, "SIGKILL");
  await loaded;
  await answers();
  assert.equal(engines().filter(({ pid }) => before.some((old) => old.pid === pid)).length, 0);
  const replica = (await grid.workers[0]!.status()).replicas[0];
  assert.ok(replica.starts >= 2, "the restart is counted");
});

test("an engine that hangs", async () => {
  const worker = grid.workers[0]!;
  const before = (await worker.status()).replicas[0];
  const loaded = load();
  await busy();
  const hung = descendants(before.pid).filter((pid) => procText(pid, "comm").trim() === "llama-server");
  assert.equal(hung.length, 1);
  process.kill(hung[0]!, "SIGSTOP");
  await loaded;
  await answers();
  assert.ok(!fs.existsSync(`/proc/${hung[0]!}`), "it is gone");
  assert.equal((await worker.status()).replicas[0].starts, before.starts + 1, "the restart is counted");
});

test("an engine that says it is healthy and goes on with nothing", async () => {
  const own = await standInGrid(0, 1);
  const worker = await own.addWorker("worker-1", standIn, { GOGRID_WORKER_ENGINE_HANG_TIMEOUT: "4s" });
  await worker.replica("stand-in");
  const { pid } = (await worker.status()).replicas[0];
  // An engine that only takes long is left alone.
  assert.equal((await own.api("POST", "/v1/chat/completions", request(1, 8000))).status, 200);
  assert.equal((await worker.status()).replicas[0].pid, pid);
  const hung = own.api("POST", "/v1/chat/completions", { ...(request(1) as object), hang: true }).catch(() => undefined);
  await worker.program.saying(/model stand-in: the engine does not answer any more/);
  await eventually("another one is there", async () => {
    const now = (await worker.status()).replicas[0];
    return now.pid > 0 && now.pid !== pid;
  });
  assert.ok(!fs.existsSync(`/proc/${pid}`), "it is gone");
  own.coordinator.killNow();
  await hung;
});

test("the worker", async () => {
  const loaded = load();
  await busy();
  const before = engines();
  const worker = grid.workers[0]!;
  worker.program.killNow();
  await worker.program.exited;
  await loaded;
  await eventually("its engines died with it", async () => engines().length === 0);
  assert.ok(before.length > 0);
  await worker.start().saying(/connected/);
  await answers();
});

test("a worker in the middle of a download, which goes on where it was", async () => {
  const own = await Grid.start();
  await own.addEngine();
  const worker = await own.addWorker("worker-1");
  // The kernel kills it (SIGXFSZ) as soon as one of its files gets longer.
  const limit = 50_000_000;
  execFileSync("prlimit", ["--pid", String(worker.program.pid), `--fsize=${limit}`, "--core=0"]);
  // The sample model, filled up with zeros.
  const file = path.join(own.dir, "long.gguf");
  const whole = 100_000_000;
  fs.copyFileSync(sampleModel, file);
  fs.truncateSync(file, whole);
  await own.addModel(file, "long");
  await eventually("it is killed", async () => worker.program.child.signalCode === "SIGXFSZ");
  const { sha256 } = (await own.api("GET", "/api/v1/models/long")).json;
  const kept = fs.statSync(path.join(worker.stateDir, "blobs", `${sha256}.part`)).size;
  assert.ok(kept > limit / 2 && kept <= limit, `${kept} bytes`);

  await worker.start().saying(/connected/);
  await worker.replica("long");
  const rest = new RegExp(`path=/worker/v1/blobs/${sha256} status=206 duration_ms=\\d+ sent_bytes=(\\d+)`);
  assert.equal(Number((await own.coordinator.saying(rest))[1]), whole - kept);
  assert.equal(await worker.program.stop(), 0);
});

test("the coordinator", async () => {
  const loaded = load();
  await busy();
  grid.coordinator.killNow();
  await grid.coordinator.exited;
  await loaded;
  await grid.startCoordinator();
  await answers();
});

test("nothing is left when all have stopped", async () => {
  assert.equal(await grid.workers[0]!.program.stop(), 0);
  assert.equal(await grid.coordinator.stop(), 0);
  await eventually("no process is left", async () => processesWith(grid.dir).length === 0, 10);
});
