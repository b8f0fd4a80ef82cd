// A client that does not read slows its engine, through every hop: nothing of the road keeps what it cannot pass on, and nobody
// else waits. The engine is the bench's stand-in, whose answers are as long as is asked for.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import * as https from "node:https";
import type { IncomingMessage } from "node:http";
import { before, test } from "node:test";
import { binDir, eventually, Grid } from "./support/grid.ts";
import { descendants, residentBytes } from "./support/process.ts";
import { writeTinyModel } from "./support/tiny_gguf.ts";

const megabyte = 1024 * 1024;
let grid: Grid;

before(async () => {
  grid = await Grid.start();
  const model = path.join(grid.dir, "tiny.gguf");
  writeTinyModel(model, { seed: 1 });
  await grid.addModel(model, "stand-in", ["--slots", "8"]);
  const worker = await grid.addWorker("worker", ["--engine-path", path.join(binDir, "stand_in_engine")]);
  await worker.replica("stand-in");
});

const chat = (tokens: number) =>
  JSON.stringify({ model: "stand-in", messages: [{ role: "user", content: "x" }], max_tokens: tokens, stream: true });

/** Its answer's head has come; nothing of the body is read until somebody does. */
async function open(tokens: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${grid.adminKey}`, "content-type": "application/json" };
    const sent = https.request(`${grid.url}/v1/chat/completions`, { method: "POST", headers, ca: grid.ca, agent: false }, resolve);
    sent.on("error", reject);
    sent.end(chat(tokens));
  });
}

/** Bytes that the stand-in has written since it started. */
function written(): number {
  const written = (pid: number) => Number(/^wchar: (\d+)/m.exec(fs.readFileSync(`/proc/${pid}/io`, "utf8"))![1]);
  return Math.max(...descendants(grid.workers[0]!.program.pid).map(written));
}

test("nobody reads: the engine stops, and memory stays as it is", async () => {
  const processes = [grid.coordinator.pid, grid.workers[0]!.program.pid];
  const before = processes.map(residentBytes);
  const start = written();
  const answer = await open(100_000_000);
  assert.equal(answer.statusCode, 200);
  let last = -1;
  let same = 0;
  await eventually("the engine writes no more", async () => {
    const now = written();
    same = now === last ? same + 1 : 0;
    last = now;
    return same >= 10;
  });
  assert.ok(last - start < 32 * megabyte, `the engine wrote ${last - start} bytes that nobody read`);
  processes.forEach((pid, index) => {
    const grown = (residentBytes(pid) ?? 0) - (before[index] ?? 0);
    assert.ok(grown < 16 * megabyte, `process ${index} grew by ${grown} bytes`);
  });

  // Others are served meanwhile, and the answer goes on when its reader does.
  assert.equal((await grid.api("POST", "/v1/chat/completions", chat(100))).status, 200);
  let read = 0;
  for await (const part of answer) {
    read += (part as Buffer).length;
    if (read > 64 * megabyte) break;
  }
  assert.ok(read > 64 * megabyte, "the answer went on");
  await eventually("its slot is free", async () => (await grid.metric("gogrid_requests_in_flight")) === 0);
});
