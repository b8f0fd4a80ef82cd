// A large batch beside an interactive client: the coordinator holds little of the batch at a time, the client is answered all the
// while, and every line has its result once. BATCH_LINES=50000 is the most that a coordinator takes, 100 MB. Figures are printed.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { eventually, type Grid } from "./support/grid.ts";
import { request, standInGrid } from "./support/jobs.ts";
import { residentBytes } from "./support/process.ts";

const lines = Number(process.env.BATCH_LINES ?? 5000);
const lineBytes = 2000;
const megabyte = 1024 * 1024;
let grid: Grid;
let interactiveKey: string;
let inputBytes: number;
// Milliseconds of interactive requests before the batch.
let alone: number[];
let large: Run;

interface Batch {
  id: string;
  status: string;
  output_file_id: string | null;
  error_file_id: string | null;
  request_counts: { total: number; completed: number; failed: number };
}

interface Run {
  batch: Batch;
  /** Of the interactive requests meanwhile, in milliseconds. */
  times: number[];
  seconds: number;
  /** Undefined where a sanitizer takes more than the coordinator. */
  grownBytes: number | undefined;
}

/** Lines that tell themselves apart by the tokens of their answers. */
const tokensOf = (line: number) => 1 + (line % 97);

function writeInput(count: number): string {
  const file = path.join(grid.dir, `${count}.jsonl`);
  const content = "x".repeat(lineBytes - 200);
  const output = fs.openSync(file, "w");
  for (let n = 0; n < count; n++) {
    // Long enough at the engine that all slots are busy.
    const body = { ...(request(tokensOf(n), 5) as object), messages: [{ role: "user", content }] };
    fs.writeSync(output, JSON.stringify({ custom_id: `line-${n}`, method: "POST", url: "/v1/chat/completions", body }) + "\n");
  }
  fs.closeSync(output);
  return file;
}

/** Asks as another key until `ended` says so; a person pauses between questions. */
async function ask(ended: (asked: number) => boolean): Promise<number[]> {
  const times: number[] = [];
  while (!ended(times.length)) {
    const began = performance.now();
    const answer = await grid.api("POST", "/v1/chat/completions", request(4), { key: interactiveKey });
    times.push(performance.now() - began);
    assert.equal(answer.status, 200, answer.text);
    await pause(5);
  }
  return times;
}

/** Runs a batch to its end, with an interactive client beside it from before the upload on. */
async function runBatch(input: string): Promise<Run> {
  const resident = () => residentBytes(grid.coordinator.pid);
  const [start, began] = [resident(), performance.now()];
  let most = start ?? 0;
  let over = false;
  const asking = ask(() => {
    most = Math.max(most, resident() ?? 0);
    return over;
  });
  const { id } = await grid.cliJson(["batch", "create", input]);
  const batch = await eventually<Batch>("the batch is over", async () => {
    const { json } = await grid.api("GET", `/v1/batches/${id}`);
    return ["completed", "failed", "expired", "cancelled"].includes(json.status) && json;
  }, 280);
  over = true;
  const times = await asking;
  const grownBytes = start === undefined ? undefined : most - start;
  return { batch, times, seconds: (performance.now() - began) / 1000, grownBytes };
}

/** Jobs of many megabytes, after which the store's page cache (32 MiB) is full and takes no more. */
async function fillPageCache(): Promise<void> {
  const body = { ...(request(1) as object), messages: [{ role: "user", content: "x".repeat(megabyte) }] };
  for (let n = 0; n < 45; n++) {
    const { json } = await grid.api("POST", "/api/v1/jobs", { request: body });
    // Ends with the job.
    await grid.api("GET", `/api/v1/jobs/${json.id}/events`);
  }
}

const middle = (times: number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;

before(async () => {
  grid = await standInGrid(2, 4);
  interactiveKey = (await grid.api("POST", "/api/v1/keys", { name: "interactive" })).json.key;
  await fillPageCache();
  await runBatch(writeInput(500));
  alone = await ask((asked) => asked === 200);
  const input = writeInput(lines);
  inputBytes = fs.statSync(input).size;
  large = await runBatch(input);
  const grown = large.grownBytes === undefined ? "is not measured" : `grew by ${(large.grownBytes / megabyte).toFixed(1)} MiB`;
  console.log(
    `${lines} lines, ${(inputBytes / megabyte).toFixed(1)} MiB, in ${large.seconds.toFixed(1)} s; the coordinator ` +
      `${grown}; an interactive request, median: ${middle(alone).toFixed(1)} ms alone, ` +
      `${middle(large.times).toFixed(1)} ms of ${large.times.length} beside it, slowest ${Math.max(...large.times).toFixed(0)} ms`,
  );
});

test("the coordinator grows by less than a quarter of the batch's file", (context) => {
  if (large.grownBytes === undefined) return context.skip("a sanitizer takes more");
  assert.ok(large.grownBytes < inputBytes / 4, `${large.grownBytes} bytes for a file of ${inputBytes}`);
});

test("interactive requests of another key are answered all the while, about as fast as before", () => {
  // Behind the jobs of the batch that are queued at a time, up to 1000 of 5 ms in 8 slots, each would wait for 600 ms.
  assert.ok(middle(large.times) < middle(alone) + 100, `${middle(large.times)} ms`);
  assert.ok(Math.max(...large.times) < 5000, `${Math.max(...large.times)} ms`);
});

test("every line has its result in the output once, and the counts add up", async () => {
  assert.equal(large.batch.status, "completed");
  assert.deepEqual(large.batch.request_counts, { total: lines, completed: lines, failed: 0 });
  assert.equal(large.batch.error_file_id, null);
  const { text } = await grid.api("GET", `/v1/files/${large.batch.output_file_id}/content`);
  const tokens = new Map<string, number>();
  for (const line of text.trimEnd().split("\n")) {
    const { custom_id, response } = JSON.parse(line);
    assert.ok(!tokens.has(custom_id), `${custom_id} is there twice`);
    tokens.set(custom_id, response.body.usage.completion_tokens);
  }
  assert.equal(tokens.size, lines);
  for (let n = 0; n < lines; n++) assert.equal(tokens.get(`line-${n}`), tokensOf(n), `line-${n}`);
});
