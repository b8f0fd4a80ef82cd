// scripts/dev bench models: what a client sees of a worker that goes away in the middle of its answer. Real engines with the sample
// model on three workers of this machine; BENCH_KILLS (200) SIGKILLs of a worker in mid-stream and BENCH_PAUSES (30) pauses by its
// owner. Prints a Markdown report; BENCH_KEEP_LOGS=1 keeps the programs' logs.
import * as fs from "node:fs";
import * as https from "node:https";
import * as os from "node:os";
import * as path from "node:path";
import type { IncomingMessage } from "node:http";
import { Program, run } from "../integration/support/process.ts";
import { binDir, Grid, type Worker } from "../integration/support/grid.ts";

const kills = Number(process.env.BENCH_KILLS ?? 200);
const pauses = Number(process.env.BENCH_PAUSES ?? 30);
const model = "gogrid-sample";
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-bench-"));
Program.logDir = dir;
const say = (text: string) => process.stderr.write(text + "\n");
const now = () => Number(process.hrtime.bigint()) / 1e6;

function percentiles(values: number[]): string {
  values.sort((a, b) => a - b);
  const at = (part: number) => values[Math.min(values.length - 1, Math.floor(values.length * part))]!;
  return `${at(0.5).toFixed(0)} ms | ${at(0.99).toFixed(0)} ms`;
}

interface Seam {
  /** From the blow to the next event that came after it was dealt. */
  seam: number;
  /** The prefill of the engine that went on. */
  prefill: number;
}

class Clients {
  private readonly grid: Grid;
  private readonly byId = new Map<string, Worker>();
  constructor(grid: Grid) {
    this.grid = grid;
  }
  async learn(): Promise<void> {
    for (const worker of this.grid.workers) this.byId.set((await worker.seen()).id, worker);
  }

  /** Streams; after some events `blow` falls on the worker that answers. */
  async stream(number: number, blow: (worker: Worker) => Promise<void> | void): Promise<Seam> {
    const body = JSON.stringify({
      model, messages: [{ role: "user", content: `${number}: what is GoGrid, and what is a worker?` }], temperature: 0, max_tokens: 1500,
      ignore_eos: true, stream: true, timings_per_token: true,
    });
    const headers = { authorization: `Bearer ${this.grid.adminKey}`, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = https.request(`${this.grid.url}/v1/chat/completions`, { method: "POST", headers, ca: this.grid.ca, agent: false }, resolve);
      sent.on("error", reject);
      sent.end(body);
    });
    const worker = this.byId.get(String(response.headers["x-gogrid-worker"]))!;
    let events = 0;
    let struck = 0;
    let last = 0;
    let seam = 0;
    let prefill = 0;
    let blowing: Promise<void> | undefined;
    for await (const part of response.setEncoding("utf8")) {
      const at = now();
      // The longest pause after the blow: what was on its way when it fell comes before it.
      if (struck > 0 && at - last > seam) {
        seam = at - last;
        prefill = Number(/"prompt_ms":([\d.]+)/.exec(part)?.[1] ?? 0);
      }
      last = at;
      events += part.split("\n\n").length - 1;
      if (/"error"/.test(part)) throw new Error(part);
      if (struck === 0 && events >= 30) {
        struck = last = now();
        blowing = Promise.resolve(blow(worker));
      }
    }
    await blowing;
    return { seam, prefill };
  }
}

const grid = await Grid.withWorkers(3, "[log]\nlevel = \"debug\"\n");
const clients = new Clients(grid);
await clients.learn();

say(`${kills} kills`);
const killed: Seam[] = [];
const noticed: number[] = [];
for (let number = 0; number < kills; number++) {
  let victim: Worker | undefined;
  const sum = async () => grid.metric("gogrid_migration_seconds_sum");
  const before = await sum();
  const seam = await clients.stream(number, (worker) => {
    victim = worker;
    worker.program.child.kill("SIGKILL");
  });
  const after = ((await sum()) - before) * 1000;
  killed.push(seam);
  if (after - seam.prefill > 100) say(`${new Date().toISOString()} kill ${number}: ${after.toFixed(0)} ms from noticing it; ${dir}`);
  noticed.push(seam.seam - after);
  await victim!.program.exited;
  await victim!.start().saying(/connected/);
  await victim!.replica(model);
}

say(`${pauses} pauses`);
const handed: number[] = [];
const freed: number[] = [];
for (let number = 0; number < pauses; number++) {
  let paused: Worker | undefined;
  const seam = await clients.stream(10_000 + number, async (worker) => {
    paused = worker;
    const begin = now();
    await worker.command(["pause"]);
    while ((await worker.status()).replicas.some((replica: any) => replica.pid !== 0)) continue;
    freed.push(now() - begin);
  });
  handed.push(seam.seam);
  await paused!.command(["resume"]);
  await paused!.replica(model);
}

const over = killed.map(({ seam, prefill }, index) => seam - prefill - noticed[index]!);
console.log(`| ${kills} SIGKILLs of a worker in mid-stream | p50 | p99 |
| --- | --- | --- |
| from the kill to the next piece at the client | ${percentiles(killed.map(({ seam }) => seam))} |
| until the coordinator notices | ${percentiles(noticed)} |
| prefill of the engine that goes on | ${percentiles(killed.map(({ prefill }) => prefill))} |
| all else | ${percentiles(over)} |

| ${pauses} pauses by the owner | p50 | p99 |
| --- | --- | --- |
| \`gogrid-worker pause\` to its engines gone, as \`status\` shows it | ${percentiles(freed)} |
| pause in the stream | ${percentiles(handed)} |`);
await grid.close();

/** Conversations of several turns on three workers: tokens of all prompts, and those that engines had to read. */
async function conversations(affinity: boolean): Promise<{ prompts: number; read: number }> {
  const own = await Grid.withWorkers(3, `[placement]\nprefix_affinity = ${affinity}\n`);
  const sum = { prompts: 0, read: 0 };
  await Promise.all(
    Array.from({ length: 9 }, async (_, number) => {
      const messages = [{ role: "user", content: `Conversation ${number}: what is GoGrid?` }];
      for (let turn = 0; turn < 6; turn++) {
        const answer = await own.api("POST", "/v1/chat/completions", { model, messages, temperature: 0, max_tokens: 40 });
        if (answer.status !== 200) throw new Error(answer.text);
        sum.prompts += answer.json.usage.prompt_tokens;
        sum.read += answer.json.timings.prompt_n;
        messages.push(answer.json.choices[0].message, { role: "user", content: "And then?" });
      }
    }),
  );
  await own.close();
  return sum;
}

say("conversations");
const near = await conversations(true);
const far = await conversations(false);
const part = (sum: { prompts: number; read: number }) => `${sum.prompts} | ${sum.read} | ${((100 * sum.read) / sum.prompts).toFixed(0)} %`;
console.log(`
| 9 conversations of 6 turns on 3 workers | tokens of prompts | read by engines | |
| --- | --- | --- | --- |
| prefix affinity | ${part(near)} |
| without | ${part(far)} |`);

say("placements");
const decided = await run(path.join(binDir, "placement_bench"), ["1000", "200", "50"], { env: process.env });
const { workers, models, per_second } = JSON.parse(decided.stdout);
console.log(`
| ${workers} workers, ${models} models | |
| --- | --- |
| placements decided | ${per_second} /s |`);
if (process.env.BENCH_KEEP_LOGS === undefined) fs.rmSync(dir, { recursive: true, force: true });
