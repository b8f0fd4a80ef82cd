// A worker that is asked to stop loses nothing: what it answers finishes, or goes on at another worker when its time is up, and its
// jobs go back into the queue at once. Two workers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { request as httpsRequest } from "node:https";
import { Control } from "./support/control.ts";
import { eventually, Grid, type Worker } from "./support/grid.ts";
import { request, restart, standInGrid } from "./support/jobs.ts";

const busy = (grid: Grid): Promise<Worker> =>
  eventually("a worker is busy", async () => {
    for (const worker of grid.workers) if ((await worker.status()).requests.running > 0) return worker;
    return undefined;
  });

/** The text of a streamed chat; `onFirst` is called when it has begun, with the id of the worker that answers. */
function streamed(grid: Grid, body: object, onFirst?: (id: string) => void): Promise<{ text: string; tokens: number; migrations: number; ended: boolean }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${grid.adminKey}`, "content-type": "application/json" };
    const sent = httpsRequest(`${grid.url}/v1/chat/completions`, { method: "POST", headers, ca: grid.ca, agent: false }, (response) => {
      let all = "";
      response.setEncoding("utf8").on("error", reject);
      response.on("data", (part: string) => {
        if (all === "") onFirst?.(String(response.headers["x-gogrid-worker"]));
        all += part;
      });
      response.on("end", () => {
        const data = [...all.matchAll(/^data: (.*)$/gm)].map((match) => match[1]!);
        const events = data.filter((text) => text !== "[DONE]" && text !== "null").map((text) => JSON.parse(text));
        assert.equal(response.statusCode, 200, all);
        const text = events.map((event) => event.choices?.[0]?.delta?.content ?? "").join("");
        const tokens = events.map((event) => event.usage?.completion_tokens as number | undefined).find((count) => count !== undefined) ?? 0;
        resolve({ text, tokens, migrations: Math.max(0, ...events.map((event) => event.gogrid?.migrations ?? 0)), ended: data.at(-1) === "[DONE]" });
      });
    });
    sent.on("error", reject);
    sent.end(JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }));
  });
}

test("a stream that is still running when the time is up goes on at the other worker, without a gap", async () => {
  const grid = await Grid.withWorkers(2);
  const body = { model: "gogrid-sample", messages: [{ role: "user", content: "What is GoGrid?" }], temperature: 0, max_tokens: 2000, ignore_eos: true };
  const byId = new Map(await Promise.all(grid.workers.map(async (worker) => [(await worker.seen()).id as string, worker] as const)));
  const whole = await streamed(grid, body);
  // Connected before: the answer takes less time than a program that would say it.
  const controls = new Map([...byId].map(([id, worker]) => [id, Control.of(worker)]));
  let begin: (id: string) => void;
  const begun = new Promise<string>((resolve) => (begin = resolve));
  const moved = streamed(grid, body, (id) => {
    controls.get(id)!.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "stop", params: { deadline_seconds: 0 } })}\n`);
    begin(id);
  });
  const worker = byId.get(await begun)!;
  assert.equal(await worker.program.exited, 0);
  const answer = await moved;
  assert.deepEqual([answer.tokens, answer.migrations, answer.ended], [2000, 1, true]);
  // A small model that talks on and on comes to words that are as good as each other, and rounding decides.
  assert.equal(answer.text.slice(0, 600), whole.text.slice(0, 600));
  assert.match(worker.program.stderr, /1 running requests are handed over/);
});

test("with time enough it finishes what it answers, and jobs that wait run elsewhere", async () => {
  const grid = await standInGrid(2, 1);
  const submit = async (tokens: number, milliseconds: number) =>
    (await grid.api("POST", "/api/v1/jobs", { request: request(tokens, milliseconds) })).json.id as string;
  const ended = (id: string) =>
    eventually(`job ${id} ends`, async () => {
      const job = (await grid.api("GET", `/api/v1/jobs/${id}`)).json;
      return ["succeeded", "failed", "cancelled", "expired"].includes(job.state) && job;
    });
  const ids = await Promise.all([1, 2, 3, 4, 5, 6].map((tokens) => submit(tokens, 700)));
  const worker = await busy(grid);
  assert.equal((await worker.command(["stop", "--deadline", "30s"])).code, 0);
  assert.equal(await worker.program.exited, 0);
  for (const [index, id] of ids.entries()) {
    const job = await ended(id);
    assert.deepEqual([job.state, job.attempts, job.usage.completion_tokens], ["succeeded", 1, index + 1]);
  }
  await restart(worker);
  await worker.replica("stand-in");

  // Another job than the engine would ever finish in the worker's time.
  const long = await submit(7, 4000);
  const holder = await busy(grid);
  const stopped = performance.now();
  assert.equal((await holder.command(["stop", "--deadline", "0.5s"])).code, 0);
  assert.equal(await holder.program.exited, 0);
  const job = await ended(long);
  assert.deepEqual([job.state, job.usage.completion_tokens], ["succeeded", 7]);
  // What was given back is no failed attempt.
  const other = grid.workers.find((one) => one !== holder)!;
  assert.deepEqual([job.attempts, job.history.at(-1).worker], [1, (await other.seen()).id], JSON.stringify(job.history));
  assert.match(holder.program.stderr, /1 running requests are handed over/);
  // Its lease was given back, and nobody waited for it to come home.
  assert.ok(performance.now() - stopped < 20_000, `${performance.now() - stopped} ms`);
});

test("a deadline that is none is refused, and the worker goes on", async () => {
  const grid = await standInGrid(1, 1);
  const worker = grid.workers[0]!;
  for (const deadline of ["-1s", "soon", "100000h"]) assert.equal((await worker.command(["stop", "--deadline", deadline])).code, 2, deadline);
  assert.equal((await worker.status()).availability, "available");
});

test("an owner whose pause lets work finish: what runs is finished, nothing new is taken, then the engine goes", async () => {
  const grid = await standInGrid(1, 2);
  const worker = grid.workers[0]!;
  assert.equal((await worker.command(["set", "worker.on_pause", "finish"])).code, 0);
  const engine = (await worker.status()).replicas[0].pid;
  const answer = grid.api("POST", "/v1/chat/completions", request(3, 15_000));
  await busy(grid);
  assert.equal((await worker.command(["pause"])).code, 0);
  await eventually("the coordinator sees it paused", async () => (await worker.seen()).availability === "paused");
  const paused = await worker.status();
  assert.deepEqual([paused.requests.running, paused.replicas[0].pid], [1, engine]);
  assert.equal((await grid.api("POST", "/v1/chat/completions", request(1))).status, 503);
  const finished = await answer;
  assert.deepEqual([finished.status, finished.json.usage?.completion_tokens], [200, 3], JSON.stringify(finished.json));
  await eventually("the engine is gone", async () => !(await worker.status()).replicas[0].pid);

  // No longer than worker.drain_timeout.
  assert.equal((await worker.command(["set", "worker.drain_timeout", "500ms"])).code, 0);
  assert.equal((await worker.command(["resume"])).code, 0);
  await worker.replica("stand-in");
  const endless = grid.api("POST", "/v1/chat/completions", request(3, 600_000)).catch(() => undefined);
  await busy(grid);
  assert.equal((await worker.command(["pause"])).code, 0);
  await eventually("the engine is gone, with its request", async () => !(await worker.status()).replicas[0].pid);
  assert.equal((await worker.command(["set", "worker.on_pause", "migrate"])).code, 0);
  grid.coordinator.killNow();
  await endless;
});
