// Jobs from several clients while coordinator and workers are killed at random: every job that was acknowledged ends exactly once
// as succeeded, and the results are right. CHAOS_JOBS and CHAOS_KILLS make it longer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, type Grid } from "./support/grid.ts";
import { request, restart, standInGrid } from "./support/jobs.ts";
import { PostgresCluster } from "./support/postgres.ts";

const jobs = Number(process.env.CHAOS_JOBS ?? 1500);
const kills = Number(process.env.CHAOS_KILLS ?? 10);
const clients = 8;

/** A client that goes on until each of its jobs is acknowledged, with an idempotency key, as a careful program would. */
async function client(grid: Grid, number: number, acknowledged: Map<string, number>): Promise<void> {
  for (let n = number; n < jobs; n += clients) {
    const tokens = 1 + (n % 40);
    // Long enough that all the kills find something under way.
    const body = { request: request(tokens, 20), idempotency_key: `job-${n}`, max_attempts: 50 };
    const made = await eventually(`job ${n} is acknowledged`, async () => {
      const answer = await grid.api("POST", "/api/v1/jobs", body).catch(() => undefined);
      if (answer === undefined || answer.status === 503 || answer.status === 429) return undefined;
      assert.ok(answer.status === 201 || answer.status === 200, answer.text);
      return answer;
    });
    const before = acknowledged.get(made.json.id);
    assert.equal(before, undefined, "no two submissions are one job");
    acknowledged.set(made.json.id, tokens);
  }
}

async function killer(grid: Grid, done: () => boolean): Promise<{ coordinator: number; workers: number }> {
  const count = { coordinator: 0, workers: 0 };
  for (let n = 0; n < kills && !done(); n++) {
    // Something has happened since the last one.
    const before = await eventually("the coordinator counts", async () =>
      grid.metric("gogrid_jobs_total", 'event="succeeded"').then((value) => value + 1).catch(() => undefined));
    await eventually("jobs are done", async () => {
      const now = await grid.metric("gogrid_jobs_total", 'event="succeeded"').catch(() => undefined);
      return done() || (now !== undefined && now > before + 20);
    });
    if (n % 3 === 0) {
      count.coordinator++;
      grid.coordinator.killNow();
      await grid.coordinator.exited;
      await grid.startCoordinator();
    } else {
      count.workers++;
      const worker = grid.workers[n % grid.workers.length]!;
      worker.program.killNow();
      await worker.program.exited;
      await restart(worker);
    }
  }
  return count;
}

async function chaos(grid: Grid): Promise<void> {
  const acknowledged = new Map<string, number>();
  let submitted = false;
  const killing = killer(grid, () => submitted && acknowledged.size === jobs && finished);
  let finished = false;
  await Promise.all(Array.from({ length: clients }, (_, number) => client(grid, number, acknowledged)));
  submitted = true;
  assert.equal(acknowledged.size, jobs);
  const left = async () => {
    const queue = await grid.api("GET", "/api/v1/queue").catch(() => undefined);
    if (queue?.status !== 200) return undefined;
    const { jobs_waiting, jobs_running, jobs_settling } = queue.json.totals;
    return jobs_waiting + jobs_running + jobs_settling;
  };
  await eventually("every job has ended", async () => (await left()) === 0, 240);
  finished = true;
  const killed = await killing;
  await eventually("the coordinator is there", async () => (await left()) === 0, 60);
  let after = "";
  let seen = 0;
  let attempts = 0;
  for (;;) {
    const page = (await grid.api("GET", `/api/v1/jobs?limit=1000${after}`)).json;
    for (const job of page.data) {
      assert.equal(job.state, "succeeded", `${job.id}: ${JSON.stringify(job.error)}`);
      const tokens = acknowledged.get(job.id);
      assert.notEqual(tokens, undefined, "no job that nobody submitted");
      assert.equal(job.usage.completion_tokens, tokens, "the result is that of its request");
      seen++;
      attempts += job.attempts;
    }
    if (!page.has_more) break;
    after = `&after=${page.next}`;
  }
  assert.equal(seen, jobs, "every acknowledged job is there");
  for (const [id, tokens] of [...acknowledged].filter((_, n) => n % 97 === 0)) {
    const result = await grid.api("GET", `/api/v1/jobs/${id}/result`);
    assert.equal(result.json.choices[0].message.content, " token".repeat(tokens));
    const job = (await grid.api("GET", `/api/v1/jobs/${id}`)).json;
    assert.equal(job.history.filter((attempt: any) => attempt.outcome === "succeeded").length, 1, "it succeeded once");
  }
  console.log(`${jobs} jobs, ${killed.coordinator} kills of the coordinator, ${killed.workers} of workers, ${attempts} attempts`);
}

test("on SQLite", async () => {
  await chaos(await standInGrid(3, 4));
});

test("on PostgreSQL", async () => {
  const cluster = await PostgresCluster.start();
  await chaos(await standInGrid(3, 4, cluster.url));
});
