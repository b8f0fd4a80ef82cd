// Commands of `gogrid` that wait for jobs and batches: interrupted, and when the coordinator restarts under them.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { before, test } from "node:test";
import { binDir, type Grid } from "./support/grid.ts";
import { request, standInGrid, whilePaused } from "./support/jobs.ts";
import { Program } from "./support/process.ts";

let grid: Grid;
let input: string;

before(async () => {
  grid = await standInGrid(1, 2);
  input = path.join(grid.dir, "input.jsonl");
  const line = { custom_id: "only", method: "POST", url: "/v1/chat/completions", body: request(1) };
  fs.writeFileSync(input, JSON.stringify(line) + "\n");
});

const start = (...args: string[]) => grid.program(new Program("gogrid", path.join(binDir, "gogrid"), args, grid.cliEnv));
const paused = (act: () => Promise<void>) => whilePaused(grid.workers[0]!, act);
const submit = async () => (await grid.cliJson(["job", "submit", "Say it."])).id as string;

test("Ctrl-C ends job submit --wait with 130, and the job goes on", () =>
  paused(async () => {
    const program = start("job", "submit", "--wait", "Say it.");
    const [, id] = await program.saying(/Submitted the job (\w+)/);
    program.kill("SIGINT");
    assert.equal(await program.exited, 130);
    assert.equal((await grid.cliJson(["job", "show", id!])).state, "queued");
  }));

test("Ctrl-C ends run with 130 and says how to go on with the batch, which is kept", () =>
  paused(async () => {
    const program = start("run", input);
    const [, id] = await program.saying(/Running as the batch (\w+)/);
    program.kill("SIGINT");
    assert.equal(await program.exited, 130);
    assert.match(program.stderr, RegExp(`${id} goes on.*gogrid batch wait ${id}\\n.*gogrid batch result ${id}\\n$`));
    assert.match((await grid.cliJson(["batch", "show", id!])).status, /^(validating|in_progress)$/);
  }));

test("Ctrl-C cancels the batch of run --cancel-on-interrupt", () =>
  paused(async () => {
    const program = start("run", input, "--cancel-on-interrupt");
    const [, id] = await program.saying(/Running as the batch (\w+)/);
    program.kill("SIGINT");
    assert.equal(await program.exited, 130);
    assert.match(program.stderr, RegExp(`Cancelled the batch ${id}`));
    assert.match((await grid.cliJson(["batch", "show", id!])).status, /^cancell/);
  }));

test("job wait, batch wait and run go on over a restart of the coordinator and end with 0", async () => {
  const over = await submit();
  await grid.cli(["job", "wait", over]);
  const waiting: Program[] = [];
  await paused(async () => {
    // That it is done with the first one tells that it waits for the second one.
    const job = start("job", "wait", over, await submit());
    const batch = start("batch", "wait", (await grid.cliJson(["batch", "create", input])).id);
    const run = start("run", input);
    waiting.push(job, batch, run);
    await job.saying(/succeeded/);
    await Promise.all([batch, run].map((program) => program.saying(/Running 1 line/)));
    grid.coordinator.killNow();
    await grid.coordinator.exited;
    await Promise.all(waiting.map((program) => program.saying(/trying again in/)));
    await grid.startCoordinator();
  });
  for (const program of waiting) assert.equal(await program.exited, 0, program.stderr);
});
