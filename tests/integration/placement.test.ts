// What runs where, with real engines: models take turns where memory is short, come when they are asked for and go when nobody asks,
// and one that crashes its engine is not loaded in a loop.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fs from "node:fs";
import * as path from "node:path";
import { eventually, Grid, type Worker } from "./support/grid.ts";
import { writeTinyModel } from "./support/tiny_gguf.ts";

const patience = '[placement]\nmin_residency = "2s"\ngrowth_patience = "500ms"\neviction_patience = "1s"\n';

async function addTiny(grid: Grid, name: string, args: string[] = []): Promise<void> {
  const file = path.join(grid.dir, `${name}.gguf`);
  writeTinyModel(file, { seed: name.charCodeAt(0), purpose: "chat" });
  await grid.addModel(file, name, ["--context", "256", ...args]);
}

/** A context of 256 MiB, which is most of what it takes, estimated and measured. */
async function addWide(grid: Grid, name: string): Promise<void> {
  const file = path.join(grid.dir, `${name}.gguf`);
  writeTinyModel(file, { seed: name.charCodeAt(0), purpose: "chat", width: 64, layers: 8, context: 131072 });
  await grid.addModel(file, name, ["--context", "131072", "--slots", "1"]);
}

const ask = (grid: Grid, model: string) => grid.api("POST", "/v1/completions", { model, prompt: "once", max_tokens: 8 });

/** Names of what the coordinator has given a worker, without what is leaving. */
async function has(worker: Worker): Promise<string[]> {
  const replicas = (await worker.seen()).replicas as any[];
  return replicas.filter((replica) => replica.phase !== "leaving").map((replica) => replica.model_name);
}

test("three models on two workers that hold one each: all are served, in turn, and never two at a time", async () => {
  const grid = await Grid.start(patience);
  await grid.addEngine();
  for (const name of ["a", "b", "c"]) await addWide(grid, name);
  // 60 % of it are room for one of them.
  for (const name of ["one", "two"]) await grid.addWorker(name, ["--max-memory-gb", "0.95"]);

  const waits = new Set<string>();
  let most = 0;
  let watching = true;
  const watchEngines = async () => {
    while (watching) {
      for (const worker of grid.workers) {
        // Engines as the worker's own machine has them.
        const replicas = (await worker.status()).replicas as any[];
        most = Math.max(most, replicas.filter((replica) => replica.pid > 0).length);
      }
    }
  };
  // By itself: a wait may be over before the workers have been asked.
  const watchJobs = async () => {
    while (watching) {
      for (const job of (await grid.api("GET", "/api/v1/jobs?state=queued")).json.data) waits.add(job.waiting?.reason ?? "");
    }
  };
  const watch = Promise.all([watchEngines(), watchJobs()]);
  const rounds = 4;
  const answers = await Promise.all(
    ["a", "b", "c"].map(async (model) => {
      const statuses: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const job = await grid.api("POST", "/api/v1/jobs", { endpoint: "/v1/completions", request: { model, prompt: "twice", max_tokens: 4 } });
        assert.equal(job.status, 201, job.text);
        const done = await eventually("the job ends", async () => {
          const { json } = await grid.api("GET", `/api/v1/jobs/${job.json.id}`);
          return ["succeeded", "failed"].includes(json.state) && json;
        }, 120);
        assert.equal(done.state, "succeeded", JSON.stringify(done));
        statuses.push((await ask(grid, model)).status);
      }
      return statuses;
    }),
  ).finally(async () => {
    watching = false;
    await watch;
  });
  assert.deepEqual(answers, Array.from({ length: 3 }, () => Array.from({ length: rounds }, () => 200)));
  assert.equal(most, 1, "an engine starts when the memory of the one before is back");
  const evictions = await grid.metric("gogrid_evictions_total");
  // Each round of each model needs one at most; fewer when a model is still there.
  assert.ok(evictions >= 1 && evictions <= 2 * 3 * rounds, `${evictions} evictions`);
  assert.ok(waits.has("memory_occupied") || waits.has("workers_loading"), `waits: ${[...waits].join()}`);
});

test("a model with an idle time goes when nobody asks, comes back on demand, and waits say how far it is", async () => {
  const grid = await Grid.start(patience);
  await grid.addEngine();
  const workers = [await grid.addWorker("one"), await grid.addWorker("two")];
  for (const worker of workers) await eventually("its engine is ready", async () => (await worker.seen()).engine?.phase === "ready");
  await addTiny(grid, "idle", ["--idle-timeout", "1s"]);
  await eventually("it was loaded, and let go", async () => {
    const placed = await grid.metric("gogrid_placements_total");
    return placed >= 1 && (await has(workers[0]!)).length + (await has(workers[1]!)).length === 0;
  });
  assert.equal((await ask(grid, "idle")).status, 200);
  const shown = await grid.cli(["model", "show", "idle"]);
  assert.match(shown.stdout, /Let go after: +1 s without requests/);
  await eventually("it is gone again", async () => (await has(workers[0]!)).length + (await has(workers[1]!)).length === 0);
});

test("what was measured is kept over a restart, and shown", async () => {
  const grid = await Grid.start(patience);
  await grid.addEngine();
  await addTiny(grid, "small");
  const worker = await grid.addWorker("one");
  await worker.replica("small");
  const model = async () => (await grid.api("GET", "/api/v1/models/small")).json;
  const measured = await eventually("it is measured", async () => {
    const { memory } = await model();
    return memory.length > 0 && memory;
  });
  assert.equal(measured.length, 1);
  assert.equal(measured[0].device_count, 0);
  assert.equal(measured[0].context_tokens, 256);
  assert.ok(measured[0].host_bytes > 1_000_000 && measured[0].host_bytes < 1e9, JSON.stringify(measured));
  assert.match((await grid.cli(["model", "show", "small"])).stdout, /MEASURED ON[^]*cpu.*, CPU only/);
  assert.match((await grid.cli(["worker", "show", "one"])).stdout, /MEMORY[^]*small[^]* of RAM/);

  const before = (await worker.status()).replicas[0];
  assert.equal(await grid.coordinator.stop(), 0);
  await grid.startCoordinator();
  await worker.replica("small");
  assert.deepEqual((await model()).memory, measured);
  const after = (await worker.status()).replicas[0];
  assert.equal(after.pid, before.pid, "its engine runs on");
});

/** An engine that ends as soon as it has read the model's name. */
function crashingEngine(dir: string): string {
  const file = path.join(dir, "crashing_engine.mjs");
  const script = `#!${process.execPath}
if (process.argv.includes("--list-devices")) console.log("Available devices:");
else { console.log("general.architecture: worse than useless"); process.abort(); }
`;
  fs.writeFileSync(file, script, { mode: 0o755 });
  return file;
}

test("a model that crashes its engine is taken away, and the model says why", async () => {
  const grid = await Grid.start(patience);
  await addTiny(grid, "bad");
  const worker = await grid.addWorker("one", ["--engine-path", crashingEngine(grid.dir), "--insecure-no-sandbox"]);
  const reason = /failing to start its engine \(it failed to load 5 times in a row: the engine was killed by signal 6/;
  await eventually("the model says why", async () => reason.test((await grid.api("GET", "/api/v1/models/bad")).json.detail), 120);
  await eventually("it is taken away", async () => (await has(worker)).length === 0);
  assert.equal(await grid.metric("gogrid_placements_total"), 1);
  const answer = await ask(grid, "bad");
  assert.equal(answer.status, 503, answer.text);
  assert.match(answer.json.error.message, /it failed to load 5 times in a row/);
});

test("a model that is too large for every worker says what is missing", async () => {
  const grid = await Grid.start(patience);
  await grid.addEngine();
  await addTiny(grid, "large");
  await grid.addWorker("tiny", ["--max-memory-gb", "0.4"]);
  const answer = await eventually("it is known", async () => {
    const said = await ask(grid, "large");
    return /too little memory/.test(said.text) && said;
  });
  assert.equal(answer.status, 503);
  assert.match(answer.json.error.message, /1 with too little memory \(it needs 0\.3 GB; the most is 0\.2 GB on \S+\)/);
});
