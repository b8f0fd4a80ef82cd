// Jobs through the API with a real engine: submitted, watched, waited for, cancelled, refused.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { eventually, Grid } from "./support/grid.ts";

let grid: Grid;
const request = { model: "gogrid-sample", messages: [{ role: "user", content: "What is a worker?" }], max_tokens: 24 };

before(async () => {
  grid = await Grid.withWorkers(1);
});

const submit = (body: unknown, key?: string, headers?: Record<string, string>) =>
  grid.api("POST", "/api/v1/jobs", body, { ...(key ? { key } : {}), ...(headers ? { headers } : {}) });
const show = async (id: string) => (await grid.api("GET", `/api/v1/jobs/${id}`)).json;
const ended = (id: string) =>
  eventually(`job ${id} ends`, async () => {
    const job = await show(id);
    return ["succeeded", "failed", "cancelled", "expired"].includes(job.state) && job;
  });

test("a job runs and its result is the engine's answer", async () => {
  const made = await submit({ request, labels: { team: "blue" }, priority: 70 });
  assert.equal(made.status, 201, made.text);
  assert.match(made.json.id, /^job_[0-9a-f]{16}$/);
  assert.equal(made.json.model, "gogrid-sample");
  const job = await ended(made.json.id);
  assert.equal(job.state, "succeeded");
  assert.equal(job.attempts, 1);
  assert.equal(job.history.length, 1);
  assert.equal(job.history[0].outcome, "succeeded");
  assert.ok(job.usage.completion_tokens > 0);
  const result = await grid.api("GET", `/api/v1/jobs/${job.id}/result`);
  assert.equal(result.status, 200);
  assert.equal(result.headers["x-gogrid-engine-status"], "200");
  assert.equal(result.json.object, "chat.completion");
  assert.ok(result.json.choices[0].message.content.length > 0);
  assert.equal(Number(result.headers["content-length"]), job.result.bytes);
});

test("events tell of every state and end with the job", async () => {
  const { json } = await submit({ request });
  const { text, headers } = await grid.api("GET", `/api/v1/jobs/${json.id}/events`);
  assert.equal(headers["content-type"], "text/event-stream");
  const states = [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!).state);
  assert.equal(states.at(-1), "succeeded");
  assert.ok(states.length >= 1);
});

test("the same idempotency key gives the same job, or a conflict", async () => {
  const first = await submit({ request, idempotency_key: "once" });
  assert.equal(first.status, 201);
  const again = await submit({ request }, undefined, { "Idempotency-Key": "once" });
  assert.equal(again.status, 200);
  assert.equal(again.json.id, first.json.id);
  const other = await submit({ request: { ...request, max_tokens: 3 }, idempotency_key: "once" });
  assert.equal(other.status, 409);
  assert.equal(other.json.error.code, "idempotency_conflict");
});

test("a job waits for its time, says so, and can be cancelled", async () => {
  const { json } = await submit({ request, not_before: Math.floor(Date.now() / 1000) + 3600 });
  const job = await show(json.id);
  assert.equal(job.state, "queued");
  assert.equal(job.waiting.reason, "not_before");
  assert.ok(job.waiting.estimate_seconds > 3500);
  const cancelled = await grid.api("DELETE", `/api/v1/jobs/${json.id}`);
  assert.equal(cancelled.status, 200);
  assert.equal(cancelled.json.state, "cancelled");
  assert.equal((await grid.api("DELETE", `/api/v1/jobs/${json.id}`)).status, 409);
  const result = await grid.api("GET", `/api/v1/jobs/${json.id}/result`);
  assert.equal(result.json.error.code, "job_cancelled");
  const retried = await grid.api("POST", `/api/v1/jobs/${json.id}/retry`);
  assert.equal(retried.status, 200);
  assert.equal(retried.json.state, "queued");
  assert.equal((await grid.api("DELETE", `/api/v1/jobs/${json.id}`)).status, 200);
});

test("a running job is cancelled and its slot is free at once", async () => {
  const { json } = await submit({ request: { ...request, max_tokens: 100_000, ignore_eos: true } });
  await eventually("it runs", async () => (await show(json.id)).state === "running");
  assert.equal((await grid.api("DELETE", `/api/v1/jobs/${json.id}`)).json.state, "cancelled");
  await eventually("no slot is busy", async () => (await grid.metric("gogrid_slots", 'state="busy"')) === 0);
});

test("what waits says why, and a deadline ends it", async () => {
  const paused = grid.workers[0]!;
  await paused.command(["pause"]);
  await eventually("the coordinator knows", async () => (await paused.seen())?.availability === "paused");
  const { json } = await submit({ request, deadline: Math.ceil(Date.now() / 1000) + 3 });
  const job = await show(json.id);
  assert.equal(job.waiting.reason, "workers_paused");
  assert.match(job.waiting.text, /1 paused by its owner/);
  assert.equal((await ended(json.id)).state, "expired");
  await paused.command(["resume"]);
  await eventually("the coordinator knows", async () => (await paused.seen())?.availability === "available");
});

test("a request that the engine refuses fails at once and keeps the engine's words", async () => {
  const { json } = await submit({ request: { ...request, response_format: { type: "json_schema", json_schema: { schema: { type: 7 } } } } });
  const job = await ended(json.id);
  assert.equal(job.state, "failed");
  assert.equal(job.error.code, "request_rejected");
  assert.equal(job.attempts, 1);
  const result = await grid.api("GET", `/api/v1/jobs/${json.id}/result`);
  assert.ok(Number(result.headers["x-gogrid-engine-status"]) >= 400);
  assert.ok(result.json.error.message.length > 0);
});

test("bad submissions name the field", async () => {
  const cases: [unknown, number, string][] = [
    ["not json", 400, "invalid_json"],
    [{}, 400, "missing_field"],
    [{ request: 7 }, 400, "invalid_type"],
    [{ request: { messages: [] } }, 400, "missing_field"],
    [{ request: { ...request, model: "nobody" } }, 404, "model_not_found"],
    [{ request: { ...request, stream: true } }, 400, "invalid_value"],
    [{ request, priority: 101 }, 400, "invalid_type"],
    [{ request, priority: "high" }, 400, "invalid_type"],
    [{ request, prio: 5 }, 400, "unknown_field"],
    [{ request, endpoint: "/v1/nothing" }, 400, "invalid_value"],
    [{ request, deadline: 5 }, 400, "invalid_value"],
    [{ request, labels: { "a b": "c" } }, 400, "invalid_value"],
    [{ request, labels: { a: 1 } }, 400, "invalid_type"],
    [{ request, max_attempts: 0 }, 400, "invalid_type"],
    [{ request, webhook: "https://127.0.0.1/x" }, 400, "invalid_value"],
  ];
  for (const [body, status, code] of cases) {
    const answer = await submit(body);
    assert.equal(answer.status, status, `${JSON.stringify(body)}: ${answer.text}`);
    assert.equal(answer.json.error.code, code, answer.text);
  }
});

test("somebody else's job is not there", async () => {
  const mine = await submit({ request });
  const other = (await grid.api("POST", "/api/v1/keys", { name: "other" })).json.key as string;
  for (const [method, path] of [["GET", ""], ["DELETE", ""], ["GET", "/result"], ["GET", "/events"], ["POST", "/retry"]] as const) {
    const answer = await grid.api(method, `/api/v1/jobs/${mine.json.id}${path}`, undefined, { key: other });
    assert.equal(answer.status, 404, `${method} ${path}`);
  }
  assert.deepEqual((await grid.api("GET", "/api/v1/jobs", undefined, { key: other })).json.data, []);
  const theirs = await submit({ request }, other);
  assert.equal(theirs.status, 201);
  assert.equal((await grid.api("GET", `/api/v1/jobs/${theirs.json.id}`)).status, 200, "an admin sees all");
});

test("lists are filtered and paged", async () => {
  for (let n = 0; n < 5; n++) await submit({ request: { ...request, max_tokens: 1 }, labels: { page: "yes" } });
  const first = (await grid.api("GET", "/api/v1/jobs?label=page=yes&limit=3")).json;
  assert.equal(first.data.length, 3);
  assert.equal(first.has_more, true);
  const second = (await grid.api("GET", `/api/v1/jobs?label=page=yes&limit=3&after=${first.next}`)).json;
  assert.equal(second.data.length, 2);
  assert.equal(second.has_more, false);
  const ids = [...first.data, ...second.data].map((job: any) => job.id);
  assert.deepEqual(ids, [...ids].sort().reverse());
  for (const id of ids) await ended(id);
  assert.equal((await grid.api("GET", "/api/v1/jobs?label=page=yes&state=succeeded")).json.data.length, 5);
  assert.equal((await grid.api("GET", "/api/v1/jobs?state=sleeping")).status, 400);
  assert.equal((await grid.api("GET", "/api/v1/jobs?limit=0")).status, 400);
});

test("the queue at a glance", async () => {
  const queue = (await grid.api("GET", "/api/v1/queue")).json;
  const model = queue.models.find((line: any) => line.model === "gogrid-sample");
  assert.ok(model.slots > 0);
  assert.ok(queue.done.jobs > 0);
  assert.ok(queue.done.completion_tokens > 0);
});

test("jobs survive a restart of the coordinator", async () => {
  const waiting = await submit({ request, not_before: Math.floor(Date.now() / 1000) + 3600 });
  const running = await submit({ request: { ...request, max_tokens: 600, ignore_eos: true } });
  await eventually("it runs", async () => (await show(running.json.id)).state === "running");
  grid.coordinator.killNow();
  await grid.coordinator.exited;
  await grid.startCoordinator();
  assert.equal((await show(waiting.json.id)).waiting.reason, "not_before");
  const job = await ended(running.json.id);
  assert.equal(job.state, "succeeded");
  assert.equal(job.usage.completion_tokens, 600);
});
