// Memory is measured and its shortage recognised, with the real engine in its sandbox.
import { before, test } from "node:test";
import * as path from "node:path";
import { eventually, Grid } from "./support/grid.ts";
import { writeTinyModel } from "./support/tiny_gguf.ts";

let grid: Grid;

before(async () => {
  grid = await Grid.start();
  await grid.addEngine();
});

test("an engine for which memory is short says so, whoever told it: itself or the kernel", async () => {
  const file = path.join(grid.dir, "wide.gguf");
  writeTinyModel(file, { seed: 1, purpose: "embedding", context: 32768 });
  await grid.addModel(file, "wide", ["--context", "30000", "--slots", "1"]);
  const worker = await grid.addWorker("small", ["--max-memory-gb", "0.7"]);
  // It computes a whole input at once, with a mask of as many rows and columns: more than the worker's engines may have. Where they
  // share a control group it is ended when it writes there; elsewhere it gets no such memory in the first place.
  const said = (pattern: RegExp) => pattern.test(worker.program.stderr);
  const isShort = () => said(/model wide: the engine .*since memory was short/);
  await eventually("it is loaded, or cannot be", async () => isShort() || said(/model wide is ready/));
  // It is tried again, and no worker has the memory: nobody waits for the end of that.
  if (!isShort()) grid.api("POST", "/v1/embeddings", { model: "wide", input: "a".repeat(28_000) }).catch(() => {});
  await eventually("the worker says that memory was short", async () => isShort());
});
