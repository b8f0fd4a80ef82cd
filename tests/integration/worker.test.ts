// The worker as its owner sees it: asked to pause it takes nothing, asked to stop it finishes what runs, and it says what it does.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as path from "node:path";
import * as fs from "node:fs";
import { Control } from "./support/control.ts";
import { eventually, Grid, binDir, sampleModel } from "./support/grid.ts";
import { Program, residentBytes, run } from "./support/process.ts";

let grid: Grid;
const chat = (maxTokens: number) => ({
  model: "gogrid-sample",
  messages: [{ role: "user", content: "What is GoGrid?" }],
  max_tokens: maxTokens,
  ignore_eos: true,
});

before(async () => {
  grid = await Grid.withWorkers(1);
});

test("idle, it takes little memory: ready, after a request, after it was cut off", async (context) => {
  const { pid } = grid.workers[0]!.program;
  if (residentBytes(pid) === undefined) return context.skip("a sanitizer takes more");
  const isSmall = (when: string) => eventually(`at most 15 MB ${when}`, async () => residentBytes(pid)! <= 15_000_000, 20);
  await isSmall("when it is ready");
  assert.equal((await grid.api("POST", "/v1/chat/completions", chat(8))).status, 200);
  await isSmall("after a request");
  grid.coordinator.killNow();
  await grid.coordinator.exited;
  await eventually("it notices", async () => !(await grid.workers[0]!.status()).coordinator.connected);
  await isSmall("without its coordinator");
  await grid.startCoordinator();
  await grid.workers[0]!.replica("gogrid-sample");
  await isSmall("when it is back");
});

test("unconfigured and without a terminal it says what to set, and exits 1", async () => {
  const result = await run(path.join(binDir, "gogrid-worker"), ["--state-dir", path.join(grid.dir, "fresh"), "run"], {
    env: { PATH: process.env.PATH, HOME: path.join(grid.dir, "fresh-home") },
  });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /join|GOGRID_COORDINATOR_HOST/);
  assert.equal(result.stderr.trim().split("\n").length, 1, result.stderr);
});

test("a second daemon on the same state is refused", async () => {
  const worker = grid.workers[0]!;
  const second = new Program("second", path.join(binDir, "gogrid-worker"), ["--state-dir", worker.stateDir, "run"], worker.env);
  assert.equal(await second.exited, 1);
  assert.match(second.stderr, /already|another/);
});

test("the status tells sandbox, engine, replica and coordinator", async () => {
  const status = await grid.workers[0]!.status();
  assert.equal(status.sandbox, "bubblewrap");
  assert.equal(status.availability, "available");
  assert.equal(status.coordinator.connected, true);
  assert.match(status.engine.description, /llama/i);
  assert.equal(status.replicas[0].phase, "ready");
  const people = await grid.workers[0]!.command(["status"]);
  assert.equal(people.code, 0);
  assert.match(people.stdout, /gogrid-sample/);
});

test("paused it is given nothing, and the caller is told why; resumed it works again", async () => {
  const worker = grid.workers[0]!;
  assert.equal((await worker.command(["pause"])).code, 0);
  await eventually("the coordinator sees it paused", async () => (await worker.seen()).availability === "paused");
  const answer = await grid.api("POST", "/v1/chat/completions", chat(4));
  assert.equal(answer.status, 503);
  assert.match(answer.json.error.message, /paused/);
  assert.equal((await worker.command(["resume"])).code, 0);
  await worker.replica("gogrid-sample");
  await eventually("it answers", async () => (await grid.api("POST", "/v1/chat/completions", chat(4))).status === 200);
});

test("a pause survives a restart", async () => {
  const worker = grid.workers[0]!;
  await worker.command(["pause"]);
  await worker.program.stop();
  await worker.start().saying(/connected/);
  assert.equal((await worker.status()).availability, "paused");
  await worker.command(["resume"]);
  await worker.replica("gogrid-sample");
});

test("stop finishes what runs, then leaves with code 0", async () => {
  const worker = grid.workers[0]!;
  // Connected before: a program that asks may take longer than an answer.
  const control = Control.of(worker);
  const answer = grid.api("POST", "/v1/chat/completions", chat(1500));
  await eventually("it runs", async () => (await control.result("status.get")).requests.running === 1);
  assert.equal((await worker.command(["stop"])).code, 0);
  assert.equal((await answer).status, 200);
  assert.equal(await worker.program.exited, 0);
  assert.equal((await worker.command(["status"])).code, 3);
  await worker.start(["--drain-timeout", "10m"]).saying(/connected/);
  await worker.replica("gogrid-sample");
});

test("a model that is removed leaves the worker, a model that is added arrives", async () => {
  const worker = grid.workers[0]!;
  await grid.cliJson(["model", "rm", "gogrid-sample", "--yes"]);
  await eventually("the engine is gone", async () => (await worker.status()).replicas.length === 0);
  await grid.addModel(sampleModel, "again");
  await worker.replica("again");
  assert.equal((await grid.api("POST", "/v1/chat/completions", { ...chat(4), model: "again" })).status, 200);
});

test("asked to stop, it finishes what a model that was removed still answers", async () => {
  const worker = grid.workers[0]!;
  // All its slots, and long: they still run when the rest of this has happened.
  const control = Control.of(worker);
  const status = () => control.result("status.get");
  const slots = (await worker.replica("again")).slots as number;
  const answers = Array.from({ length: slots }, () => grid.api("POST", "/v1/chat/completions", { ...chat(1500), model: "again" }));
  await eventually("they run", async () => (await status()).requests.running === slots);
  assert.ok((await grid.api("DELETE", "/api/v1/models/again")).status < 300);
  const leaving = await eventually("it is not assigned any more", async () => {
    const now = await status();
    return now.replicas[0]?.phase === "leaving" && now;
  });
  assert.equal(leaving.replicas[0].detail, "it finishes what it answers");
  assert.ok(leaving.requests.running > 0);
  assert.equal(await worker.program.stop(), 0);
  for (const answer of answers) assert.equal((await answer).status, 200);
});

test("an engine that fails is quoted to its last line", async () => {
  const grid = await Grid.start();
  await grid.addModel(sampleModel, "gogrid-sample");
  const engine = path.join(grid.dir, "failing_engine");
  const lines = Array.from({ length: 20 }, (_, index) => `echo reason ${index + 1} >&2`);
  fs.writeFileSync(engine, ["#!/bin/sh", ...lines, "exit 7"].join("\n"), { mode: 0o755 });
  const worker = await grid.addWorker("unlucky", ["--engine-path", engine]);
  const detail = await eventually("the failure is told", async () => {
    const replica = ((await worker.status()).replicas as any[])[0];
    return (replica?.detail as string | undefined)?.includes("exited with code 7") && (replica.detail as string);
  });
  assert.match(detail as string, /reason 19\nreason 20$/);
});

test("without a sandbox it refuses work and says why, unless asked by name", async () => {
  const withoutBwrap = path.join(grid.dir, "bin");
  fs.mkdirSync(withoutBwrap);
  const worker = grid.workers[0]!;
  await worker.program.stop();
  const env = { ...worker.env, PATH: withoutBwrap };
  const start = (args: string[]) =>
    (worker.program = grid.program(
      new Program("worker", path.join(binDir, "gogrid-worker"), ["--state-dir", worker.stateDir, "run", ...args], env),
    ));
  await start([]).saying(/connected/);
  await eventually("it refuses", async () => (await worker.seen()).availability === "refusing");
  assert.match((await worker.seen()).reason, /bubblewrap|bwrap/);
  await worker.program.stop();
  await start(["--insecure-no-sandbox"]).saying(/connected/);
  await eventually("the coordinator sees it", async () => (await worker.seen()).sandbox === "none_insecure");
  assert.equal((await worker.status()).sandbox, "none_insecure");
});
