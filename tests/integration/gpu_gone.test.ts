// A GPU goes away while an engine computes on it: the answer goes on at another worker, the worker says that the GPU is gone, and works
// on it again once it is back. A stand-in engine has the GPU, the sample model's own engine takes over.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fs from "node:fs";
import * as path from "node:path";
import { eventually, Grid, sampleModel } from "./support/grid.ts";
import { fleetingEngine } from "./support/hostile.ts";

test("what ran on it goes on elsewhere, it is missing in the state, and it is used again", async () => {
  const grid = await Grid.start();
  await grid.addEngine();
  await grid.addModel(sampleModel, "gogrid-sample");
  const there = path.join(grid.dir, "gpu");
  fs.writeFileSync(there, "");
  const worker = await grid.addWorker("fleeting", ["--engine-path", fleetingEngine(grid.dir, there), "--insecure-no-sandbox"]);
  await worker.replica("gogrid-sample");
  assert.equal((await worker.status()).engine.devices[0].name, "GPU0");
  const other = await grid.addWorker("other");

  const chat = { model: "gogrid-sample", messages: [{ role: "user" as const, content: "What is GoGrid?" }], max_tokens: 60, temperature: 0 };
  const stream = await grid.openai().chat.completions.create({ ...chat, stream: true });
  let text = "";
  let chunks = 0;
  let reason: string | null = null;
  for await (const part of stream) {
    text += part.choices[0]?.delta.content ?? "";
    reason = part.choices[0]?.finish_reason ?? reason;
    if (++chunks === 10) fs.rmSync(there);
  }
  assert.ok(reason === "stop" || reason === "length", String(reason));
  assert.match(text, /^(GoGrid ){5}/);
  assert.doesNotMatch(text, /^(GoGrid )+$/, "the other's words follow");
  await eventually("the state says that it is gone", async () => (await worker.status()).engine.devices.length === 0);
  await other.replica("gogrid-sample");

  fs.writeFileSync(there, "");
  assert.equal((await worker.command(["resume"])).code, 0);
  await eventually("it is seen again", async () => (await worker.status()).engine.devices[0]?.name === "GPU0");
  assert.equal((await other.command(["pause"])).code, 0);
  await eventually("it is used again", async () =>
    (await worker.status()).replicas.some((replica: any) => replica.phase === "ready" && replica.device_bytes.GPU0 > 0));
});
