// scripts/dev bench queue: what the durable queue costs and how fast it is, on one disk in one run: the disk and the databases
// alone, our store, the whole way over HTTPS with a stand-in engine, with an empty queue and with BENCH_WAITING (1,000,000) jobs
// waiting, on SQLite and PostgreSQL, beside a plain PostgreSQL SKIP LOCKED queue driven by pgbench. Prints a Markdown report.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { binDir, eventually, Grid } from "../integration/support/grid.ts";
import { request, standInGrid } from "../integration/support/jobs.ts";
import { PostgresCluster } from "../integration/support/postgres.ts";
import { Program, run } from "../integration/support/process.ts";

const waiting = Number(process.env.BENCH_WAITING ?? 1_000_000);
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-bench-"));
Program.logDir = dir;
const say = (text: string) => process.stderr.write(text + "\n");
const rows: string[] = [];
const row = (...cells: string[]) => rows.push(`| ${cells.join(" | ")} |`);

async function storeAlone(name: string, url: string): Promise<void> {
  say(`the store alone, ${name}`);
  const args = ["--dir", dir, "--waiting", String(waiting), ...(url ? ["--store", url] : [])];
  const result = await run(path.join(binDir, "store_bench"), args);
  if (result.code !== 0) throw new Error(result.stderr);
  rows.push("", `The store alone, ${name}:`, "", ...result.stdout.trimEnd().split("\n").map((line) => `    ${line}`));
}

interface Submitted {
  requests_per_second: number;
  whole_us: { p50: number; p99: number };
}

function percentiles(values: number[]): { p50: number; p99: number } {
  values.sort((a, b) => a - b);
  return { p50: values[Math.floor(values.length / 2)]!, p99: values[Math.floor(values.length * 0.99)]! };
}

function rss(pid: number): number {
  return Number(fs.readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+)/m)![1]) * 1024;
}

class Way {
  private readonly grid: Grid;
  private readonly keyFile = path.join(dir, "key");
  constructor(grid: Grid) {
    this.grid = grid;
    fs.writeFileSync(this.keyFile, grid.adminKey, { mode: 0o600 });
  }

  /** Submissions one after the other or many at once. */
  async submit(body: unknown, concurrency: number, requests: number): Promise<Submitted> {
    const file = path.join(dir, "job.json");
    fs.writeFileSync(file, JSON.stringify(body));
    const result = await run(path.join(binDir, "load"), ["--port", String(this.grid.port), "--ca", path.join(this.grid.dataDir, "ca.pem"),
      "--key-file", this.keyFile, "--target", "/api/v1/jobs", "--body", file, "--concurrency", String(concurrency), "--requests", String(requests)]);
    const answer = JSON.parse(result.stdout);
    if (answer.errors > 0) throw new Error(`${answer.errors} errors: ${result.stderr}`);
    return answer;
  }

  /** Microseconds until the engine has a job, and an interactive request for comparison, one after the other. */
  async arrivals(count: number) {
    const now = () => Number(process.hrtime.bigint()) / 1000;
    const body = { ...(request(16) as object), ask_arrival: true };
    const sent = new Map<string, { at: number; acknowledged: number }>();
    const interactive: number[] = [];
    for (let n = 0; n < count; n++) {
      let at = now();
      const { json } = await this.grid.api("POST", "/api/v1/jobs", { request: body });
      sent.set(json.id, { at, acknowledged: now() });
      at = now();
      interactive.push((await this.grid.api("POST", "/v1/chat/completions", body)).json.arrived_us - at);
    }
    const arrived: number[] = [];
    const acknowledged: number[] = [];
    const after: number[] = [];
    for (const [id, job] of sent) {
      const result = await eventually(`${id} has its answer`, async () => {
        const answer = await this.grid.api("GET", `/api/v1/jobs/${id}/result`);
        return answer.status === 200 && answer.json;
      });
      arrived.push(result.arrived_us - job.at);
      acknowledged.push(job.acknowledged - job.at);
      after.push(result.arrived_us - job.acknowledged);
    }
    return {
      interactive: percentiles(interactive),
      arrived: percentiles(arrived),
      acknowledged: percentiles(acknowledged),
      after: percentiles(after),
    };
  }

  /** Jobs a second from the first submission to the last end. */
  async complete(count: number): Promise<number> {
    const done = async () => (await this.grid.api("GET", "/api/v1/queue")).json.done.jobs as number;
    const before = await done();
    const began = performance.now();
    await this.submit({ request: request(16) }, 64, count);
    await eventually("all are done", async () => (await done()) >= before + count, 600);
    return count / ((performance.now() - began) / 1000);
  }
}

async function wholeWay(name: string, url: string): Promise<void> {
  say(`the whole way, ${name}`);
  const grid = await standInGrid(1, 64, url);
  const way = new Way(grid);
  const later = { request: request(16), not_before: Math.floor(Date.now() / 1000) + 86_400 };
  const measure = async () => {
    const single = await way.submit(later, 1, 2000);
    const many = await way.submit(later, 64, 20_000);
    const complete = await way.complete(10_000);
    const arrivals = await way.arrivals(1000);
    return { single, many, complete, arrivals };
  };
  await way.complete(1000);
  const empty = await measure();
  const emptyBytes = rss(grid.coordinator.pid);
  await grid.coordinator.stop();
  const key = grid.adminKey.split("_")[1]!;
  const filled = await run(path.join(binDir, "fill_jobs"), ["--dir", grid.dataDir, "--count", String(waiting), "--key", key, ...(url ? ["--store", url] : [])]);
  if (filled.code !== 0) throw new Error(filled.stderr);
  const began = performance.now();
  await grid.startCoordinator();
  const started = (performance.now() - began) / 1000;
  await grid.workers[0]!.replica("stand-in");
  const fullBytes = rss(grid.coordinator.pid);
  await way.complete(1000);
  const full = await measure();
  const cells = (what: string, value: (m: typeof empty) => number, unit: string) =>
    row(what, `${value(empty).toFixed(0)} ${unit}`, `${value(full).toFixed(0)} ${unit}`, (value(full) / value(empty)).toFixed(2));
  rows.push("");
  row(`over HTTPS, ${name}`, "empty queue", `${waiting} jobs waiting`, "ratio");
  row("---", "---", "---", "---");
  cells("submit one, p50", (m) => m.single.whole_us.p50, "µs");
  cells("submit one, p99", (m) => m.single.whole_us.p99, "µs");
  cells("submit, 64 clients", (m) => m.many.requests_per_second, "/s");
  cells("submit to end, 64 clients", (m) => m.complete, "/s");
  for (const part of ["p50", "p99"] as const) {
    cells(`job sent to acknowledged, ${part}`, (m) => m.arrivals.acknowledged[part], "µs");
    cells(`job sent to its engine has it, ${part}`, (m) => m.arrivals.arrived[part], "µs");
    cells(`job acknowledged to its engine has it, ${part}`, (m) => m.arrivals.after[part], "µs");
    cells(`interactive request sent to its engine has it, ${part}`, (m) => m.arrivals.interactive[part], "µs");
  }
  rows.push("", `Memory of the coordinator for a waiting job: ${((fullBytes - emptyBytes) / waiting).toFixed(0)} bytes. ` +
    `A start with them takes ${started.toFixed(1)} s.`);
  await grid.close();
}

/** What a hand-made queue would do: insert, take with SKIP LOCKED, mark as done; each its own transaction. */
function peer(cluster: PostgresCluster): void {
  say("the peer: pgbench");
  const psql = (sql: string) => spawnSync("psql", [cluster.url, "-q", "-c", sql], { encoding: "utf8" });
  const made = psql("CREATE TABLE peer (id bigserial PRIMARY KEY, state int NOT NULL DEFAULT 0, body text, result text);" +
    "CREATE INDEX peer_open ON peer (id) WHERE state = 0");
  if (made.status !== 0) throw new Error(made.stderr);
  const script = path.join(dir, "peer.sql");
  fs.writeFileSync(script, `INSERT INTO peer (body) VALUES (repeat('b', 300));
UPDATE peer SET state = 1 WHERE id = (SELECT id FROM peer WHERE state = 0 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id \\gset
UPDATE peer SET state = 2, result = repeat('r', 300) WHERE id = :id;
`);
  const result = spawnSync("pgbench", ["-n", "-c", "16", "-j", "2", "-T", "10", "-f", script, cluster.url], { encoding: "utf8" });
  const rate = result.stdout.match(/tps = ([\d.]+)/);
  if (!rate) throw new Error(result.stderr + result.stdout);
  rows.push("", `The peer, pgbench with 16 clients on the same PostgreSQL: ${Number(rate[1]).toFixed(0)} jobs/s.`);
}

const cluster = await PostgresCluster.start();
try {
  await storeAlone("SQLite", "");
  await storeAlone("PostgreSQL", cluster.database("alone"));
  await wholeWay("SQLite", "");
  await wholeWay("PostgreSQL", cluster.database("whole"));
  peer(cluster);
  const cpu = os.cpus();
  console.log(`${new Date().toISOString().slice(0, 10)}, ${cpu[0]!.model.trim()}, ${cpu.length} cores\n`);
  console.log(rows.join("\n"));
} finally {
  cluster.stop();
  fs.rmSync(dir, { recursive: true, force: true });
}
