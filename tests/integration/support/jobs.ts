// Jobs and batches of tests: a grid whose engines are stand-ins, and what is asked of them.
import * as fs from "node:fs";
import * as path from "node:path";
import { binDir, eventually, Grid, type Worker } from "./grid.ts";
import { writeTinyModel } from "./tiny_gguf.ts";

/** What a worker is started with to run the stand-in engine, which answers at once with `max_tokens` tokens. */
export const standIn = ["--engine-path", path.join(binDir, "stand_in_engine")];

/** A grid with the model "stand-in" on `count` workers. */
export async function standInGrid(count: number, slots: number, store = ""): Promise<Grid> {
  const grid = await Grid.start("", store);
  const model = path.join(grid.dir, "tiny.gguf");
  writeTinyModel(model, { seed: 1 });
  await grid.addModel(model, "stand-in", ["--slots", String(slots)]);
  fs.rmSync(model);
  for (let n = 1; n <= count; n++) await grid.addWorker(`worker-${n}`, standIn);
  for (const worker of grid.workers) await worker.replica("stand-in");
  return grid;
}

export async function restart(worker: Worker): Promise<void> {
  await worker.start(standIn).saying(/connected/);
}

/** Does something while the worker takes no work, and lets it go on after that. */
export async function whilePaused(worker: Worker, act: () => Promise<void>): Promise<void> {
  const turn = async (command: string, availability: string) => {
    const { code, stderr } = await worker.command([command]);
    if (code !== 0) throw new Error(`gogrid-worker ${command}: ${stderr}`);
    await eventually(`${worker.name} is ${availability}`, async () => (await worker.seen())?.availability === availability);
  };
  await turn("pause", "paused");
  await act().finally(() => turn("resume", "available"));
}

/** A request whose answer tells which it was: it has that many tokens. The stand-in thinks for so long before. */
export function request(tokens: number, milliseconds = 0): unknown {
  return { model: "stand-in", messages: [{ role: "user", content: "Say it." }], max_tokens: tokens, wait_ms: milliseconds };
}
