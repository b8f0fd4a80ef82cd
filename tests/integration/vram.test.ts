// The owner's limit of GPU memory holds by what the driver says of an engine's processes, whatever the engine says itself. A library
// stands in for NVIDIA's.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fs from "node:fs";
import * as path from "node:path";
import { binDir, eventually, Grid, sampleModel } from "./support/grid.ts";
import { greedyEngine } from "./support/hostile.ts";
import { descendants, procText } from "./support/process.ts";

test("an engine that has more than it says, as the driver tells, is ended while it runs, and not started again", async () => {
  const own = await Grid.start();
  await own.addModel(sampleModel, "gogrid-sample");
  const engine = greedyEngine(own.dir, 1000, "NVIDIA GeForce RTX 4090");
  // A library in place of NVIDIA's driver, which says of a process what this file says.
  const told = path.join(own.dir, "process");
  const nvidia = { LD_LIBRARY_PATH: path.join(binDir, "test_nvml/new"), TEST_NVML_PROCESS: told, VK_ICD_FILENAMES: "/nonexistent.json" };
  const worker = await own.addWorker("sly", ["--engine-path", engine, "--insecure-no-sandbox", "--max-vram-gb", "4"], nvidia);
  await worker.replica("gogrid-sample");
  const { pid } = (await worker.status()).replicas[0];
  const say = (bytes: number) => {
    fs.writeFileSync(`${told}.new`, `${pid} ${bytes}\n`);
    fs.renameSync(`${told}.new`, told);
  };
  say(1_500_000_000);
  await eventually("what the driver says counts", async () => (await worker.status()).engine.devices[0].used_bytes === 1_500_000_000);
  assert.equal((await worker.status()).replicas[0].phase, "ready");
  say(6_000_000_000);
  await eventually("it is ended", async () => !fs.existsSync(`/proc/${pid}`));
  await worker.program.saying(/model gogrid-sample: stopped: it took 6\.00 GB of GPU0; the owner's limit is 4\.00 GB; it is not tried again/);
  const running = descendants(worker.program.pid).filter((child) => procText(child, "cmdline").includes(engine) && !procText(child, "cmdline").includes("--list-devices"));
  // The coordinator may have it tried once more, with less; whoever is there now, it is another one.
  assert.ok(running.length <= 1 && !running.includes(pid), String(running));
});
