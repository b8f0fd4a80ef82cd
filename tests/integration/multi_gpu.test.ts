// Several GPUs in one machine, Mesa's software GPUs: a model lies on as few as hold it, on all of them, on each, or where it is told to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { engineArguments, eventually, Grid, sampleModel } from "./support/grid.ts";

const chat = { model: "gogrid-sample", messages: [{ role: "user" as const, content: "What is GoGrid?" }], max_tokens: 12, temperature: 0 };

test("on two GPUs a model lies where its policy says: a replica on each, spread over both, or on the one it names", async () => {
  const grid = await Grid.start();
  await grid.addEngine("vulkan");
  await grid.addModel(sampleModel, "gogrid-sample", ["--gpu-policy", "each", "--slots", "1"]);
  const worker = await grid.addWorker("two", ["--software-gpus", "2", "--max-vram-gb-each", "Vulkan0=2,Vulkan1=2"]);
  const settled = async (what: string, devices: RegExp[]) => {
    await eventually(what, async () => {
      const { replicas } = await worker.status();
      const commands = engineArguments(worker).sort();
      return commands.length === devices.length && commands.every((command, i) => devices[i]!.test(command)) &&
        (replicas as any[]).length === devices.length && (replicas as any[]).every((replica) => replica.phase === "ready");
    });
    const answers = await Promise.all(Array.from({ length: 3 }, () => grid.api("POST", "/v1/chat/completions", chat)));
    assert.deepEqual(answers.map((answer) => answer.status), [200, 200, 200], what);
  };
  const set = (...args: string[]) => grid.cliJson(["model", "set", "gogrid-sample", ...args]);
  await settled("a replica on each", [/--device Vulkan0 /, /--device Vulkan1 /]);
  // Both work at once: each has one slot.
  const long = { ...chat, max_tokens: 60 };
  const both = Promise.all([grid.api("POST", "/v1/chat/completions", long), grid.api("POST", "/v1/chat/completions", long)]);
  await eventually("both are busy", async () => (await worker.seen()).replicas.every((replica: any) => replica.slots_busy === 1));
  assert.deepEqual((await both).map((answer) => answer.status), [200, 200]);
  await set("--gpu-policy", "spread");
  await settled("spread over both", [/--device Vulkan0,Vulkan1 .*--split-mode layer --tensor-split/]);
  await set("--gpu-policy", "auto", "--gpu", "vulkan1");
  await settled("the one it names", [/--device Vulkan1 /]);
  await set("--gpu", "RTX 4090");
  await eventually("a GPU that is not there", async () =>
    /1 without a GPU that it may use/.test((await grid.api("GET", "/api/v1/models/gogrid-sample")).json.detail));
});
