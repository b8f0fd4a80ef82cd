// Two keys, one flooding the queue and one with a request now and then: the second one's wait stays near what it is on an idle
// grid. The figures are printed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, type Grid } from "./support/grid.ts";
import { request, standInGrid } from "./support/jobs.ts";

const flood = Number(process.env.FLOOD_JOBS ?? 2000);
const probes = 20;

async function key(grid: Grid, name: string): Promise<string> {
  return (await grid.api("POST", "/api/v1/keys", { name })).json.key as string;
}

/** Milliseconds from the submission of a job to its end, one after the other. */
async function waits(grid: Grid, apiKey: string): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < probes; n++) {
    const began = performance.now();
    const made = await grid.api("POST", "/api/v1/jobs", { request: request(100, 25) }, { key: apiKey });
    assert.equal(made.status, 201, made.text);
    // Ends with the job.
    await grid.api("GET", `/api/v1/jobs/${made.json.id}/events`, undefined, { key: apiKey });
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b);
}

test("a flood of one key leaves the other one's wait as it was", async () => {
  const grid = await standInGrid(2, 2);
  const [calm, flooding] = [await key(grid, "calm"), await key(grid, "flooding")];
  await waits(grid, calm);
  const unloaded = await waits(grid, calm);

  let submitted = 0;
  let stop = false;
  const flooders = Array.from({ length: 4 }, async () => {
    while (submitted < flood && !stop) {
      submitted++;
      const made = await grid.api("POST", "/api/v1/jobs", { request: request(100, 60), priority: 100 }, { key: flooding });
      assert.equal(made.status, 201, made.text);
    }
  });
  const queue = async () => (await grid.api("GET", "/api/v1/queue")).json;
  await eventually("the flood waits", async () => (await queue()).totals.jobs_waiting > 100);
  const loaded = await waits(grid, calm);
  const left = (await queue()).totals.jobs_waiting;
  stop = true;
  await Promise.all(flooders);
  const middle = (times: number[]) => times[Math.floor(times.length / 2)]!;
  console.log(`wait of the calm key, median of ${probes}: ${middle(unloaded).toFixed(1)} ms alone, ` +
    `${middle(loaded).toFixed(1)} ms with ${left} jobs of another key waiting`);
  assert.ok(left > 0, "the flood lasted");
  // It waits for one job in each of the four slots at most, and not for all that came before it: 60 ms / 4 for each of them.
  assert.ok(middle(loaded) < (left * 60) / 4, `${middle(loaded)} ms`);
});
