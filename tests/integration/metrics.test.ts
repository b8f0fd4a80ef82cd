// /metrics as Prometheus reads it: its text format holds, and its counters count what clients, workers and jobs did.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { eventually, Grid } from "./support/grid.ts";
import { request, standInGrid } from "./support/jobs.ts";

let grid: Grid;
before(async () => {
  grid = await standInGrid(1, 2);
});

/** The text format 0.0.4: for each family HELP, TYPE and then its samples. */
const sample = /^([a-z_]+?)(_bucket|_sum|_count)?(?:\{([a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*)\})? (-?[0-9.e+-]+|\+Inf|NaN)$/;

test("every line is a help, a type, or a sample of the family that was named last", async () => {
  await grid.api("POST", "/v1/chat/completions", request(2));
  const answer = await grid.api("GET", "/metrics");
  assert.match(String(answer.headers["content-type"]), /^text\/plain; version=0\.0\.4/);
  let family = "";
  const seen = new Set<string>();
  for (const line of answer.text.trimEnd().split("\n")) {
    const [, named] = /^# HELP ((?:gogrid|process)_[a-z_]+) \S.*$/.exec(line) ?? [];
    if (named) {
      assert.ok(!seen.has(named), `${named} comes twice`);
      seen.add((family = named));
    } else if (line.startsWith("# TYPE ")) {
      assert.match(line, new RegExp(`^# TYPE ${family} (counter|gauge|histogram)$`));
    } else {
      const [, name, part] = sample.exec(line) ?? [];
      assert.ok(name === family || name + (part ?? "") === family, `${line} is no sample of ${family}`);
    }
  }
  assert.ok(seen.size >= 20, [...seen].join(" "));
});

test("requests, their tokens, their errors and jobs are counted", async () => {
  const chat = 'endpoint="/v1/chat/completions"';
  const expected: [name: string, label: string, growth: number][] = [
    ["gogrid_requests_total", `{${chat},status="200"}`, 2],
    ["gogrid_requests_total", `{${chat},status="404"}`, 1],
    ["gogrid_request_seconds_count", `{${chat}}`, 3],
    ["gogrid_time_to_first_byte_seconds_count", "", 2],
    ["gogrid_tokens_total", 'kind="completion"', 5 + 5 + 7],
    ["gogrid_jobs_total", 'event="submitted"', 1],
    ["gogrid_jobs_total", 'event="succeeded"', 1],
    ["gogrid_jobs_total", 'event="failed"', 0],
  ];
  const read = () => Promise.all(expected.map(([name, label]) => grid.metric(name, label)));
  const ask = async (model: string) => (await grid.api("POST", "/v1/chat/completions", { ...(request(5) as object), model })).status;
  const was = await read();
  assert.deepEqual([await ask("stand-in"), await ask("stand-in"), await ask("nobody")], [200, 200, 404]);
  const job = await grid.api("POST", "/api/v1/jobs", { request: request(7) });
  assert.equal(job.status, 201, job.text);
  await eventually("the job ends", async () => (await grid.api("GET", `/api/v1/jobs/${job.json.id}`)).json.state === "succeeded");
  // An answer is counted once its last byte is written, which its reader may see earlier.
  await eventually("they are counted", async () => (await read()).every((value, index) => value - was[index]! >= expected[index]![2]));
  const is = await read();
  expected.forEach(([name, label, growth], index) => assert.equal(is[index]! - was[index]!, growth, `${name} ${label}`));
});

test("gauges say how it is now", async () => {
  assert.deepEqual(
    [await grid.metric("gogrid_workers_connected"), await grid.metric("gogrid_slots", 'state="free"'), await grid.metric("gogrid_replicas", 'phase="ready"')],
    [1, 2, 1],
  );
  await grid.workers[0]!.program.stop();
  await eventually("its worker is gone", async () => (await grid.metric("gogrid_workers_connected")) === 0);
});
