// The road of a GPU from end to end, on Mesa's software GPU: the engine sees it in its sandbox, the owner's limit holds, layers lie
// on it, what they take is measured, and answers come from it.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as fs from "node:fs";
import * as path from "node:path";
import { eventually, Grid, sampleModel, type Worker } from "./support/grid.ts";
import { descendants } from "./support/process.ts";

let grid: Grid;
const chat = { model: "gogrid-sample", messages: [{ role: "user" as const, content: "What is GoGrid?" }], max_tokens: 12, temperature: 0 };

before(async () => {
  grid = await Grid.start();
  await grid.addEngine("vulkan");
  await grid.addModel(sampleModel, "gogrid-sample");
});

/** How the worker's engines were started, by their command lines. */
function engineArguments(worker: Worker): string[] {
  return descendants(worker.program.pid)
    .map((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "))
    .filter((command) => command.startsWith("/usr/bin/llama-server"));
}

const replicaOf = (status: any, model = "gogrid-sample") =>
  (status.replicas as any[]).find((replica) => replica.model_name === model);

test("without a GPU the engine sees none: it never computes on the software GPU by accident", async () => {
  const worker = await grid.addWorker("plain");
  await worker.replica("gogrid-sample");
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
  assert.match(command!, /--device Vulkan0 --fit-target \d+/, "the owner's limit is told to an engine that decides by itself");

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

test("with a limit of nothing it stays on the CPU", async () => {
  const worker = await grid.addWorker("cpu", ["--software-gpus", "2", "--max-vram-gb-each", "Vulkan0=0,Vulkan1=0"]);
  await worker.replica("gogrid-sample");
  const status = await worker.status();
  assert.deepEqual(status.engine.devices.map((device: any) => [device.name, device.limit_bytes]), [["Vulkan0", 0], ["Vulkan1", 0]]);
  assert.match(engineArguments(worker)[0]!, /--device none --n-gpu-layers 0 --fit off/);
  assert.equal((await grid.api("POST", "/v1/chat/completions", chat)).status, 200);
  assert.equal(await worker.program.stop(), 0);
});

/** An engine that takes of its one GPU what it likes. */
function greedyEngine(dir: string, mebibytes: number): string {
  const file = path.join(dir, "greedy_engine.mjs");
  const script = `#!${process.execPath}
import * as http from "node:http";
if (process.argv.includes("--list-devices")) {
  console.log("Available devices:\\n  GPU0: A card (8000 MiB, 8000 MiB free)");
} else {
  const socket = process.argv[process.argv.indexOf("--host") + 1];
  http.createServer((request, response) => response.end("{}")).listen(socket, () => {
    console.log("0.1 I load_tensors: GPU0 model buffer size = ${mebibytes}.00 MiB");
    console.log("0.2 I srv  llama_server: listening on unix://" + socket);
  });
}
`;
  fs.writeFileSync(file, script, { mode: 0o755 });
  return file;
}

test("an engine that takes more than the owner allows is stopped, and the state says why", async () => {
  const own = await Grid.start();
  await own.addModel(sampleModel, "gogrid-sample");
  const engine = greedyEngine(own.dir, 6000);
  const worker = await own.addWorker("greedy", ["--engine-path", engine, "--insecure-no-sandbox", "--max-vram-gb", "4"]);
  const failed = await worker.replica("gogrid-sample", "failed");
  assert.match(failed.detail, /stopped: it took 6\.29 GB of GPU0; the owner's limit is 4\.00 GB/);
  const status = await worker.status();
  assert.equal(replicaOf(status).out_of_memory, true);
  assert.equal(replicaOf(status).pid, 0);
  // The worker may be looking at its hardware, in a process of its own.
  const engines = descendants(worker.program.pid).filter((pid) => fs.existsSync(`/proc/${pid}/cmdline`) && fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(engine));
  assert.deepEqual(engines, [], "its process is gone");
  assert.equal(status.engine.devices[0].used_bytes, 0);
});
