// What a worker gave, as its owner reads it: counted from real answers, kept over restarts, and without a word of them.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as fs from "node:fs";
import * as path from "node:path";
import { eventually, Grid } from "./support/grid.ts";

let grid: Grid;
const question = "What is a xylophone made of?";
const chat = (maxTokens: number) => ({
  model: "gogrid-sample",
  messages: [{ role: "user", content: question }],
  max_tokens: maxTokens,
});
const historyFile = () => path.join(grid.workers[0]!.stateDir, "history.json");
const sum = (values: number[]) => values.reduce((one, other) => one + other, 0);

async function stats(): Promise<any> {
  const result = await grid.workers[0]!.command(["stats", "--json"]);
  assert.equal(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
}

/** Stops the worker, which writes what it has counted, and starts it again. */
async function restart(): Promise<void> {
  const worker = grid.workers[0]!;
  assert.equal(await worker.program.stop(), 0);
  await worker.start().saying(/connected/);
  await worker.replica("gogrid-sample");
}

before(async () => {
  grid = await Grid.withWorkers(1);
});

test("before anything was done there is nothing", async () => {
  assert.deepEqual(await stats(), { days: [], samples: [], totals: { jobs: 0, tokens: 0, given_seconds: 0 } });
});

test("answers, streams and jobs are counted with the tokens that the engine said", async () => {
  const whole = await grid.api("POST", "/v1/chat/completions", chat(8));
  assert.equal(whole.status, 200, whole.text);
  const stream = await grid.api("POST", "/v1/chat/completions", { ...chat(12), stream: true, stream_options: { include_usage: true } });
  const usage = [...stream.text.matchAll(/^data: (\{.*\})$/gm)].map((line) => JSON.parse(line[1]!).usage).findLast((found) => found);
  assert.ok(usage.total_tokens > 0, stream.text);
  const made = await grid.api("POST", "/api/v1/jobs", { request: chat(5) });
  const job = await eventually("the job ends", async () => {
    const seen = (await grid.api("GET", `/api/v1/jobs/${made.json.id}`)).json;
    return seen.state === "succeeded" && seen;
  });
  // No work of an engine's.
  assert.equal((await grid.api("POST", "/v1/chat/completions", { ...chat(4), max_tokens: "many" })).status, 400);
  await restart();
  const { totals, days } = await stats();
  const tokens = whole.json.usage.total_tokens + usage.total_tokens + job.usage.prompt_tokens + job.usage.completion_tokens;
  assert.equal(totals.jobs, 3);
  assert.equal(totals.tokens, tokens);
  assert.equal(sum(days.map((day: any) => day.tokens)), tokens);
  assert.match(days.at(-1).date, /^\d{4}-\d\d-\d\d$/);
});

test("a stream that its client gave up counts with what came of it, and as no job", async () => {
  const before = (await stats()).totals;
  const leave = new AbortController();
  const answer = await fetch(`${grid.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${grid.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ ...chat(2000), stream: true, ignore_eos: true }),
    signal: leave.signal,
  });
  const reader = answer.body!.getReader();
  for (let events = 0; events < 5; events++) await reader.read();
  leave.abort();
  await eventually("the slot is free", async () => (await grid.workers[0]!.status()).requests.running === 0);
  await restart();
  const after = (await stats()).totals;
  assert.equal(after.jobs, before.jobs);
  assert.ok(after.tokens >= before.tokens + 3, JSON.stringify({ before, after }));
});

test("a pause is counted under its reason", async () => {
  const worker = grid.workers[0]!;
  assert.equal((await worker.command(["pause"])).code, 0);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal((await worker.command(["resume"])).code, 0);
  // Up to this moment, as the worker itself says it.
  const paused = (await stats()).days.map((day: any) => day.paused_seconds.by_owner ?? 0);
  assert.ok(sum(paused) >= 1 && sum(paused) < 60, JSON.stringify(paused));
  const people = await worker.command(["stats"]);
  assert.match(people.stdout, /jobs +3 +3 +3/);
  assert.match(people.stdout, /paused by you +\d+ s/);
});

test("nothing of what was asked is kept", () => {
  const text = fs.readFileSync(historyFile(), "utf8");
  for (const word of ["xylophone", "gogrid-sample", "user", "content"]) assert.ok(!text.includes(word), word);
});

test("a file that was damaged is set aside, said, and the worker goes on", async () => {
  const worker = grid.workers[0]!;
  assert.equal(await worker.program.stop(), 0);
  fs.writeFileSync(historyFile(), '{"version":1,"days":[{"date":');
  const broken = await worker.command(["stats"]);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /history\.json: this is no history/);
  await worker.start().saying(/history of this worker's work begins anew.*history\.json\.broken/);
  await worker.replica("gogrid-sample");
  assert.equal(fs.readFileSync(`${historyFile()}.broken`, "utf8"), '{"version":1,"days":[{"date":');
  assert.equal((await grid.api("POST", "/v1/chat/completions", chat(4))).status, 200);
  await eventually("it is counted", async () => (await stats()).totals.jobs === 1);
});
