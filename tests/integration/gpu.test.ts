// The road of a GPU from end to end, on Mesa's software GPU: the engine sees it in its sandbox, the owner's limit holds, layers lie
// on it, what they take is measured, and answers come from it.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as fs from "node:fs";
import * as path from "node:path";
import { engineArguments, eventually, Grid, sampleModel, type Worker } from "./support/grid.ts";
import { descendants, procText } from "./support/process.ts";
import { greedyEngine } from "./support/hostile.ts";
import { writeTinyModel } from "./support/tiny_gguf.ts";

let grid: Grid;
const chat = { model: "gogrid-sample", messages: [{ role: "user" as const, content: "What is GoGrid?" }], max_tokens: 12, temperature: 0 };

before(async () => {
  grid = await Grid.start();
  await grid.addEngine("vulkan");
  await grid.addModel(sampleModel, "gogrid-sample");
});

const replicaOf = (status: any, model = "gogrid-sample") =>
  (status.replicas as any[]).find((replica) => replica.model_name === model);

/** An unpacked Vulkan bundle leads to NVIDIA's driver of the machine, and has what that is linked against. */
function assertLeadsToDriver(worker: Worker): void {
  const engines = path.join(worker.stateDir, "engines");
  const root = path.join(engines, fs.readdirSync(engines)[0]!);
  const { ICD } = JSON.parse(fs.readFileSync(path.join(root, "usr/share/vulkan/icd.d/nvidia_icd.json"), "utf8"));
  // A bare name, which the sandbox's library path leads to (src/worker/sandbox/gpu_devices.cpp).
  assert.equal(ICD.library_path, "libEGL_nvidia.so.0");
  const has = fs.readdirSync(path.join(root, "usr/lib"), { recursive: true }).map((file) => path.basename(file.toString()));
  for (const stub of ["libdl.so.2", "libpthread.so.0", "librt.so.1"]) assert.ok(has.includes(stub), stub);
  assert.ok(fs.statSync(path.join(root, "var/tmp")).isDirectory(), "where the sandbox shows the driver's libraries");
}

test("without a GPU the engine sees none: it never computes on the software GPU by accident", async () => {
  const worker = await grid.addWorker("plain");
  await worker.replica("gogrid-sample");
  assertLeadsToDriver(worker);
  const status = await worker.status();
  assert.deepEqual(status.engine.devices.filter((device: any) => /llvmpipe/.test(device.description)), []);
  assert.deepEqual(replicaOf(status).device_bytes, {});
  await eventually("the machine's memory is measured", async () => replicaOf(await worker.status()).memory_bytes > 1_000_000);
  assert.ok(replicaOf(await worker.status()).mapped_bytes > 1_000_000, "the weights are mapped");
  assert.equal(await worker.program.stop(), 0);
});

test("the model lies on the GPU that the engine sees, what it takes is measured, and it answers", async () => {
  const worker = await grid.addWorker("gpu", ["--software-gpus", "1", "--max-vram-gb", "4"]);
  await worker.replica("gogrid-sample");
  const status = await worker.status();
  assert.equal(status.engine.devices.length, 1, JSON.stringify(status.engine));
  const [device] = status.engine.devices;
  assert.equal(device.name, "Vulkan0");
  assert.match(device.description, /llvmpipe/);
  assert.equal(device.limit_bytes, Math.min(4e9, device.total_bytes));
  // The weights have 3.8 MB, and there is a context.
  const bytes = replicaOf(status).device_bytes.Vulkan0;
  assert.ok(bytes > 3_900_000 && bytes < 4e9, `${bytes} bytes`);
  assert.equal(device.used_bytes, bytes);
  const [command] = engineArguments(worker);
  assert.match(command!, /--device Vulkan0 --n-gpu-layers \d+ --fit off --split-mode none --main-gpu 0/, "as the coordinator wants it");
  await eventually("both know which GPU it is", async () => {
    const { engine, hardware } = await worker.seen();
    const ids = [engine.devices[0].gpu_id, (await worker.status()).engine.devices[0].gpu_id];
    return ids.every((id) => hardware.gpus.some((gpu: any) => gpu.software && gpu.id === id));
  });
  const seen = replicaOf(await worker.seen());
  assert.equal(seen.memory.find((use: any) => use.device === "Vulkan0").bytes, bytes);
  assert.ok(seen.device_layers > 1, JSON.stringify(seen));

  const stream = await grid.openai().chat.completions.create({ ...chat, stream: true });
  let text = "";
  let parts = 0;
  for await (const part of stream) {
    text += part.choices[0]?.delta.content ?? "";
    parts++;
  }
  assert.match(text, /^GoGrid/);
  assert.ok(parts > 3, `${parts} parts`);
  const people = await worker.command(["status"]);
  assert.match(people.stdout, /gpu +Vulkan0, llvmpipe.*at most 4\.0 GB for engines/);
  assert.equal(await worker.program.stop(), 0);
});

test("what it took is kept for all workers: one whose owner allows just that gets it on the GPU as well", async () => {
  const { memory } = (await grid.api("GET", "/api/v1/models/gogrid-sample")).json;
  const measured = (memory as any[]).find((entry) => entry.device_count === 1);
  assert.match(measured.device, /vulkan.*: llvmpipe/, JSON.stringify(memory));
  // The estimate counts 64 MiB for the driver.
  assert.ok(measured.device_bytes < 60e6, JSON.stringify(measured));
  const limit = ((measured.device_bytes * 1.05) / 1e9).toFixed(4);
  const worker = await grid.addWorker("tight", ["--software-gpus", "1", "--max-vram-gb", limit]);
  await worker.replica("gogrid-sample");
  assert.match(engineArguments(worker)[0]!, /--device Vulkan0 --n-gpu-layers \d+/);
  assert.equal(await worker.program.stop(), 0);
});

test("a model that is too large for the owner's limit lies there in part, within it", async () => {
  const own = await Grid.start();
  await own.addEngine("vulkan");
  const file = path.join(own.dir, "deep.gguf");
  writeTinyModel(file, { seed: 5, purpose: "chat", width: 64, layers: 8, context: 65536 });
  await own.addModel(file, "deep", ["--context", "65536", "--slots", "1"]);
  const worker = await own.addWorker("partial", ["--software-gpus", "1", "--max-vram-gb", "0.15"]);
  const replica = await worker.replica("deep");
  assert.ok(replica.device_layers > 0 && replica.device_layers < 9, JSON.stringify(replica));
  assert.match(engineArguments(worker)[0]!, new RegExp(`--device Vulkan0 --n-gpu-layers ${replica.device_layers} `));
  const used = replica.memory.find((use: any) => use.device === "Vulkan0");
  assert.ok(used.bytes > 10e6 && used.bytes <= 150e6, JSON.stringify(replica));
  assert.equal((await own.api("POST", "/v1/completions", { model: "deep", prompt: "once", max_tokens: 4 })).status, 200);
});

test("three models on two GPUs that hold one each are all served, and never two lie on one GPU", async () => {
  const own = await Grid.start('[placement]\nmin_residency = "2s"\neviction_patience = "1s"\n');
  await own.addEngine("vulkan");
  const names = ["a", "b", "c"];
  for (const name of names) {
    const file = path.join(own.dir, `${name}.gguf`);
    writeTinyModel(file, { seed: name.charCodeAt(0), purpose: "chat", width: 64, layers: 8, context: 131072 });
    await own.addModel(file, name, ["--context", "131072", "--slots", "1"]);
  }
  // A context of 256 MiB fits once, measured or not; the machine's memory holds engines and no context.
  for (const name of ["one", "two"]) await own.addWorker(name, ["--software-gpus", "1", "--max-vram-gb", "0.45", "--max-memory-gb", "0.8"]);
  for (const worker of own.workers) await eventually("it has a GPU", async () => ((await worker.seen()).engine?.devices ?? []).length === 1);
  let most = 0;
  let watching = true;
  const watch = (async () => {
    while (watching) {
      for (const worker of own.workers) most = Math.max(most, (await worker.status()).engine.devices[0]?.used_bytes ?? 0);
    }
  })();
  try {
    for (let round = 0; round < 2; round++) {
      const answers = await Promise.all(names.map((model) => own.api("POST", "/v1/completions", { model, prompt: "once", max_tokens: 4 })));
      assert.deepEqual(answers.map((answer) => answer.status), [200, 200, 200], answers.map((answer) => answer.text).join("\n"));
    }
  } finally {
    watching = false;
    await watch;
  }
  assert.ok(most > 256e6 && most <= 450e6, `${most} bytes`);
  const evictions = await own.metric("gogrid_evictions_total");
  assert.ok(evictions >= 2 && evictions <= 8, `${evictions} evictions`);
});

test("with a limit of nothing it stays on the CPU", async () => {
  const worker = await grid.addWorker("cpu", ["--software-gpus", "2", "--max-vram-gb-each", "Vulkan0=0,Vulkan1=0"]);
  await worker.replica("gogrid-sample");
  const status = await worker.status();
  assert.deepEqual(status.engine.devices.map((device: any) => [device.name, device.limit_bytes]), [["Vulkan0", 0], ["Vulkan1", 0]]);
  assert.match(engineArguments(worker)[0]!, /--device none --n-gpu-layers 0 --fit off/);
  assert.equal((await grid.api("POST", "/v1/chat/completions", chat)).status, 200);
  assert.equal(await worker.program.stop(), 0);
});

test("an engine that takes more than the owner allows is stopped, and the state says why", async () => {
  const own = await Grid.start();
  await own.addModel(sampleModel, "gogrid-sample");
  const engine = greedyEngine(own.dir, 6000);
  const worker = await own.addWorker("greedy", ["--engine-path", engine, "--insecure-no-sandbox", "--max-vram-gb", "4"]);
  // Tried once more, with less, and then not again.
  await eventually("the coordinator gives up", async () => {
    const { detail } = (await own.api("GET", "/api/v1/models/gogrid-sample")).json;
    return /1 failing to start its engine \(stopped: it took 6\.29 GB of GPU0; the owner's limit is 4\.00 GB\)/.test(detail);
  });
  assert.equal(await own.metric("gogrid_placements_total"), 2);
  const status = await eventually("it is gone", async () => {
    const its = await worker.status();
    return its.replicas.length === 0 && its;
  });
  // The worker may be looking at its hardware, in a process of its own.
  const engines = descendants(worker.program.pid).filter((pid) => procText(pid, "cmdline").includes(engine));
  assert.deepEqual(engines, [], "its process is gone");
  assert.equal(status.engine.devices[0].used_bytes, 0);
});
