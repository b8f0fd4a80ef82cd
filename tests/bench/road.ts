// scripts/dev bench road: what the road through GoGrid costs, side by side with the same request (a) straight to the engine's
// socket and (b) through two nginx hops with TLS on both, all in one run on one machine. Prints a Markdown report.
import { spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { binDir, eventually, Grid, sampleModel } from "../integration/support/grid.ts";
import { descendants, Program, run } from "../integration/support/process.ts";
import { writeTinyModel } from "../integration/support/tiny_gguf.ts";

interface Percentiles {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}
interface Load {
  requests: number;
  errors: number;
  requests_per_second: number;
  tokens_per_second: number;
  whole_us: Percentiles;
  first_us: Percentiles;
}

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-bench-"));
const children: ChildProcess[] = [];
Program.logDir = dir;
const say = (text: string) => process.stderr.write(text + "\n");

function body(name: string, value: unknown): string {
  const file = path.join(dir, `${name}.json`);
  fs.writeFileSync(file, JSON.stringify(value));
  return file;
}

async function load(target: string[], bodyFile: string, concurrency: number, requests: number): Promise<Load> {
  const args = [...target, "--body", bodyFile, "--concurrency", String(concurrency), "--requests", String(requests)];
  const result = await run(path.join(binDir, "load"), args);
  if (result.code !== 0) throw new Error(`load: ${result.stderr}`);
  const answer = JSON.parse(result.stdout) as Load;
  if (answer.errors > 0) throw new Error(`load ${args.join(" ")}: ${answer.errors} errors: ${result.stderr}`);
  return answer;
}

/** The run whose figure is the median of the rounds. */
function median(loads: Load[], figure: (load: Load) => number): number {
  const values = loads.map(figure).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)]!;
}

/** Every way once a round, so that a slow minute of the machine falls on all of them. */
async function compare(ways: Record<string, string[]>, bodyFile: string, concurrency: number, requests: number) {
  const loads: Record<string, Load[]> = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [way, target] of Object.entries(ways)) loads[way]!.push(await load(target, bodyFile, concurrency, requests));
  }
  return loads;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** client -> nginx -> nginx -> engine, a process each as GoGrid's hops are, TLS on both, kept alive, unbuffered: a careful
 * hand-made equivalent. */
async function startNginx(engineSocket: string): Promise<{ port: number; ca: string }> {
  const certificate = path.join(dir, "nginx.pem");
  const key = path.join(dir, "nginx.key");
  const made = await run("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
    "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]);
  if (made.code !== 0) throw new Error(made.stderr);
  const hop = async (name: string, upstream: string, pass: string): Promise<number> => {
    const port = await freePort();
    const at = (file: string) => path.join(dir, `${name}.${file}`);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${at(kind)};`).join(" ");
    fs.writeFileSync(at("conf"), `daemon off; ${process.getuid!() === 0 ? "user root; " : ""}pid ${at("pid")}; error_log ${at("log")}; worker_processes 1;
events { worker_connections 4096; }
http {
  access_log off; ${temporary}
  upstream next { server ${upstream}; keepalive 512; }
  server {
    listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};
    ssl_protocols TLSv1.3; keepalive_requests 10000000; client_max_body_size 32m;
    location / { proxy_pass ${pass}://next; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
      proxy_ssl_trusted_certificate ${certificate}; proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_server_name on;
      proxy_ssl_protocols TLSv1.3; }
  }
}`);
    children.push(spawn("/usr/sbin/nginx", ["-c", at("conf"), "-e", at("log")], { stdio: "inherit" }));
    await eventually(`${name} listens`, async () => fs.existsSync(at("pid")), 10);
    return port;
  };
  const second = await hop("nginx-2", `unix:${engineSocket}`, "http");
  const first = await hop("nginx-1", `127.0.0.1:${second}`, "https");
  return { port: first, ca: certificate };
}

function memoryKilobytes(pid: number): { rss: number; pss: number } {
  const field = (file: string, name: string) =>
    Number(fs.readFileSync(`/proc/${pid}/${file}`, "utf8").match(new RegExp(`^${name}:\\s+(\\d+)`, "m"))![1]);
  return { rss: field("status", "VmRSS"), pss: field("smaps_rollup", "Pss") };
}

function wakeUps(pid: number): number {
  let count = 0;
  for (const thread of fs.readdirSync(`/proc/${pid}/task`)) {
    const status = fs.readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    count += Number(status.match(/^voluntary_ctxt_switches:\s+(\d+)/m)![1]);
  }
  return count;
}

const micro = (value: number) => `${value.toFixed(0)} µs`;
const rows: string[] = [];
const row = (...cells: (string | number)[]) => rows.push(`| ${cells.join(" | ")} |`);

async function overhead(): Promise<void> {
  const socket = path.join(dir, "engine.sock");
  children.push(spawn(path.join(binDir, "stand_in_engine"), ["--host", socket], { stdio: "ignore" }));
  await eventually("the stand-in listens", async () => fs.existsSync(socket), 10);
  const nginx = await startNginx(socket);

  const grid = await Grid.start();
  const model = path.join(dir, "tiny.gguf");
  writeTinyModel(model, { seed: 1 });
  await grid.addModel(model, "stand-in", ["--slots", "256"]);
  const worker = await grid.addWorker("worker", ["--engine-path", path.join(binDir, "stand_in_engine")]);
  await worker.replica("stand-in");
  const keyFile = path.join(dir, "key");
  fs.writeFileSync(keyFile, grid.adminKey, { mode: 0o600 });

  const ways = {
    direct: ["--unix", socket],
    nginx: ["--port", String(nginx.port), "--ca", nginx.ca],
    gogrid: ["--port", String(grid.port), "--ca", path.join(grid.dataDir, "ca.pem"), "--key-file", keyFile],
  };
  const prompt = { model: "stand-in", messages: [{ role: "user", content: "What is GoGrid? ".repeat(20) }] };
  const whole = body("whole", { ...prompt, max_tokens: 16 });
  const stream = body("stream", { ...prompt, max_tokens: 256, stream: true });

  row("", "direct", "two nginx", "GoGrid", "added by nginx", "added by GoGrid");
  row("---", "---", "---", "---", "---", "---");
  const added = (name: string, loads: Record<string, Load[]>, figure: (load: Load) => number) => {
    const [direct, byNginx, byGoGrid] = ["direct", "nginx", "gogrid"].map((way) => median(loads[way]!, figure)) as [number, number, number];
    row(name, micro(direct), micro(byNginx), micro(byGoGrid), micro(byNginx - direct), micro(byGoGrid - direct));
  };
  say("one request at a time");
  const single = await compare(ways, whole, 1, 4000);
  added("whole answer, p50", single, (load) => load.whole_us.p50);
  added("whole answer, p99", single, (load) => load.whole_us.p99);
  added("whole answer, slowest", single, (load) => load.whole_us.max);
  say("time to the first token");
  const first = await compare(ways, stream, 1, 400);
  added("first token, p50", first, (load) => load.first_us.p50);
  added("first token, p99", first, (load) => load.first_us.p99);

  rows.push("");
  row("throughput, stand-in engine", "direct", "two nginx", "GoGrid", "GoGrid / nginx");
  row("---", "---", "---", "---", "---");
  const rate = (name: string, loads: Record<string, Load[]>, figure: (load: Load) => number) => {
    const [direct, byNginx, byGoGrid] = ["direct", "nginx", "gogrid"].map((way) => median(loads[way]!, figure)) as [number, number, number];
    row(name, direct.toFixed(0), byNginx.toFixed(0), byGoGrid.toFixed(0), (byGoGrid / byNginx).toFixed(2));
  };
  say("throughput");
  rate("requests/s, 32 at once", await compare(ways, whole, 32, 8000), (load) => load.requests_per_second);
  for (const [streams, requests] of [[1, 200], [32, 640], [256, 1024]] as const) {
    rate(`tokens/s, ${streams} stream${streams > 1 ? "s" : ""}`, await compare(ways, stream, streams, requests), (load) => load.tokens_per_second);
  }

  say("idle");
  const pids = { coordinator: grid.coordinator.pid, worker: worker.program.pid };
  await new Promise((resolve) => setTimeout(resolve, 5_000)); // let what was busy come to rest
  const before = wakeUps(pids.worker);
  const seconds = 30;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000)); // the measurement itself
  const wakes = (wakeUps(pids.worker) - before) / seconds;
  rows.push("");
  row("after the load", "RSS", "PSS");
  row("---", "---", "---");
  for (const [name, pid] of Object.entries(pids)) {
    const memory = memoryKilobytes(pid);
    row(name, `${(memory.rss / 1024).toFixed(1)} MB`, `${(memory.pss / 1024).toFixed(1)} MB`);
  }
  rows.push("", `Idle worker: ${wakes.toFixed(2)} wake-ups a second over ${seconds} s.`);
  await worker.program.stop();
  await worker.start(["--engine-path", path.join(binDir, "stand_in_engine")]).saying(/connected/);
  await worker.replica("stand-in");
  const fresh = memoryKilobytes(worker.program.pid);
  rows.push(`A worker that was just started: ${(fresh.rss / 1024).toFixed(1)} MB RSS, ${(fresh.pss / 1024).toFixed(1)} MB PSS.`);
  await grid.close();
}

async function idleConnections(): Promise<void> {
  say("a thousand idle workers");
  const [warmUp, count] = [100, 1000];
  const grid = await Grid.start();
  const token = (await grid.api("POST", "/api/v1/tokens", { uses: warmUp + count })).json.token as string;
  const connect = async (connections: number): Promise<ChildProcess> => {
    const child = spawn(path.join(binDir, "idle_connections"), [String(grid.port), String(connections)], { stdio: ["pipe", "pipe", "inherit"] });
    children.push(child);
    child.stdin!.write(token + "\n");
    await new Promise<void>((resolve, reject) => {
      child.stdout!.once("data", () => resolve());
      child.once("exit", () => reject(new Error("idle_connections failed")));
    });
    child.removeAllListeners("exit");
    // Enrolling leaves more behind than connections do: until that is given back.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    return child;
  };
  // The first ones pay for what all share.
  const first = await connect(warmUp);
  const before = memoryKilobytes(grid.coordinator.pid).pss;
  const rest = await connect(count);
  const after = memoryKilobytes(grid.coordinator.pid).pss;
  rows.push("", `${count} idle worker connections more: ${((after - before) / count).toFixed(1)} KB each in the coordinator.`);
  for (const child of [first, rest]) child.stdin!.end();
  await grid.close();
}

async function realEngine(): Promise<void> {
  say("the real engine");
  const grid = await Grid.start();
  await grid.addEngine();
  await grid.addModel(sampleModel, "gogrid-sample", ["--slots", "4"]);
  const worker = await grid.addWorker("worker");
  await worker.replica("gogrid-sample");
  // Its socket is in the sandbox, which its root leads to.
  const sockets = descendants(worker.program.pid).map((pid) => `/proc/${pid}/root/run/gogrid/engine.sock`);
  const socket = sockets.find((file) => fs.existsSync(file));
  if (!socket) throw new Error(`no engine socket among ${sockets.join(", ")}`);
  const keyFile = path.join(dir, "key");
  fs.writeFileSync(keyFile, grid.adminKey, { mode: 0o600 });
  const ways = {
    direct: ["--unix", socket],
    gogrid: ["--port", String(grid.port), "--ca", path.join(grid.dataDir, "ca.pem"), "--key-file", keyFile],
  };
  const stream = body("real", {
    model: "gogrid-sample", messages: [{ role: "user", content: "What is GoGrid?" }], max_tokens: 256, ignore_eos: true, stream: true,
  });
  rows.push("");
  row("tokens/s, real engine, the same process", "direct", "GoGrid", "GoGrid / direct");
  row("---", "---", "---", "---");
  for (const [streams, requests] of [[1, 12], [4, 32]] as const) {
    const loads = await compare(ways, stream, streams, requests);
    const [direct, through] = ["direct", "gogrid"].map((way) => median(loads[way]!, (load) => load.tokens_per_second)) as [number, number];
    row(`${streams} stream${streams > 1 ? "s" : ""}`, direct.toFixed(0), through.toFixed(0), (through / direct).toFixed(3));
  }
  await grid.close();
}

try {
  const parts = { overhead, idleConnections, realEngine };
  for (const [name, part] of Object.entries(parts)) {
    if (process.argv.length < 3 || process.argv.includes(name)) await part();
  }
  const cpu = os.cpus();
  console.log(`${new Date().toISOString().slice(0, 10)}, ${cpu[0]!.model.trim()}, ${cpu.length} cores, ${rounds} rounds, medians\n`);
  console.log(rows.join("\n"));
} finally {
  for (const child of children) child.kill("SIGTERM");
  fs.rmSync(dir, { recursive: true, force: true });
}
