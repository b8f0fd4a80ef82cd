// Engines that take of the machine what they can get are stopped, or held to what they may have; the worker says why, and whoever sits
// at the machine does not notice: how long a small task takes beside them is measured and printed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { before, test, type TestContext } from "node:test";
import { eventually, Grid, sampleModel, type Worker } from "./support/grid.ts";
import { hostileBundle } from "./support/hostile.ts";
import { descendants, procText } from "./support/process.ts";

// A busy machine may keep engines waiting, which run after everybody else.
const patience = 200;
const maxCpuPercent = 50;
let grid: Grid;
let worker: Worker;

before(async () => {
  grid = await Grid.start();
  await grid.cliJson(["engine", "add", hostileBundle(grid.dir)]);
  await grid.addModel(sampleModel, "hostile");
  worker = await grid.addWorker("worker-1", ["--max-memory-gb", "0.7", "--max-cpu-percent", String(maxCpuPercent)], {
    GOGRID_WORKER_ENGINE_PRIORITY: "idle",
  });
  await ready();
});

const ready = () =>
  eventually("the engine is ready", async () => (await worker.status()).replicas[0]?.phase === "ready", patience);

const engines = () => descendants(worker.program.pid).filter((pid) => procText(pid, "comm").trim() === "llama-server");

/** Another engine, which has taken nothing yet. */
async function fresh(): Promise<void> {
  const before = (await worker.status()).replicas[0].pid;
  for (const engine of engines()) process.kill(engine, "SIGKILL");
  await eventually("there is another engine", async () => {
    const [replica] = (await worker.status()).replicas;
    return replica?.phase === "ready" && replica.pid !== before;
  }, patience);
}

async function take(what: string): Promise<{ status: number; said: any }> {
  const answer = await grid.api("POST", "/v1/chat/completions", { model: "hostile", messages: [{ role: "user", content: `take=${what} .` }] });
  return { status: answer.status, said: answer.status === 200 ? JSON.parse(answer.json.choices[0].message.content) : answer.text };
}

/** How long a program that does nothing takes from its start to its end, in ms: half of the times, and nearly always. */
async function smallTask(count = 40): Promise<{ half: number; most: number }> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const begun = performance.now();
    await once(spawn("/bin/true", { stdio: "ignore" }), "close");
    times.push(performance.now() - begun);
  }
  times.sort((one, other) => one - other);
  return { half: times[count / 2]!, most: times[Math.floor(count * 0.95)]! };
}

function compare(context: TestContext, what: string, alone: Awaited<ReturnType<typeof smallTask>>, beside: typeof alone): void {
  const text = ({ half, most }: typeof alone) => `${half.toFixed(1)} ms, 95 % within ${most.toFixed(1)} ms`;
  context.diagnostic(`a small task: ${text(alone)}; beside an engine that ${what}: ${text(beside)}`);
  assert.ok(beside.half < 5 * alone.half + 100, "the machine is not what it was");
}

test("what holds engines is in the status", async () => {
  const { sandbox_detail } = await worker.status();
  assert.match(sandbox_detail, /memory: (control group|soft limit).*0\.7 GB.*; processors: .*50 %.*, after everybody else/);
  const [engine] = engines();
  const limits = procText(engine!, "limits");
  assert.match(limits, /Max open files +4096 /);
  assert.match(limits, /Max core file size +0 +0 /);
  assert.equal(procText(engine!, "oom_score_adj"), "1000\n");
});

test("one that opens files without end gets no more than its number", async () => {
  const { said } = await take("files");
  assert.equal(said.end, "Too many open files");
  assert.ok(Number(said.files) <= 4096, said.files);
});

test("one that forks cannot, and one that makes threads without end gets no more than its number", async (context) => {
  await fresh();
  const alone = await smallTask();
  const { said } = await take("threads");
  assert.equal(said.fork, "Function not implemented");
  assert.equal(said.end, "Resource temporarily unavailable");
  assert.ok(Number(said.threads) > 100 && Number(said.threads) <= 8192, said.threads);
  compare(context, `has ${said.threads} threads`, alone, await smallTask());
});

test("one that fills all that can be written to fills a little memory", async () => {
  await fresh();
  const { said } = await take("disk");
  let bytes = 0;
  for (const place of ["/tmp", "/dev/shm", "/run/gogrid"]) {
    const [, written, end] = /^(\d+) (.*)$/.exec(said[place])!;
    assert.match(end!, /No space left|Read-only|Bad file descriptor/, place);
    bytes += Number(written);
  }
  assert.ok(bytes > 1e6 && bytes <= 96 * 2 ** 20, `${bytes} bytes`);
});

/** Seconds of processor time of all the threads of a process. */
const cpuSeconds = (pid: number) => {
  const fields = procText(pid, "stat").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

test("one that computes without end has its share and no more, and leaves the rest to others at once", async (context) => {
  await fresh();
  const alone = await smallTask();
  assert.ok(Number((await take("processor")).said.threads) > 0);
  const beside = await smallTask();
  const [engine] = engines();
  const begun = performance.now();
  const before = cpuSeconds(engine!);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const seconds = (performance.now() - begun) / 1000;
  const share = (cpuSeconds(engine!) - before) / seconds / availableParallelism();
  context.diagnostic(`it has ${(share * 100).toFixed(0)} % of all processors`);
  assert.ok(share < maxCpuPercent / 100 + 0.1, `${share}`);
  compare(context, "computes without end", alone, beside);
});

test("one that takes memory without end is ended, and the worker says why", async (context) => {
  await fresh();
  const alone = await smallTask();
  // Nobody waits for the end of that: it is tried again.
  take("memory").catch(() => {});
  const beside = await smallTask();
  await eventually("the worker says so", async () =>
    /model hostile: the engine (was killed by signal 9|exited with code 137).*, since memory was short/.test(worker.program.stderr), patience);
  compare(context, "takes memory without end", alone, beside);
});

test("the worker has lived through all of that", async () => {
  assert.equal(await worker.program.stop(), 0);
});
