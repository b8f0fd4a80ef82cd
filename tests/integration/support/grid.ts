// A whole GoGrid for one test file: a coordinator and workers as real processes on ports of the system's choice, their state in a
// temporary directory that goes when the test ends.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as tls from "node:tls";
import { after } from "node:test";
import { Agent, request } from "node:https";
import type { IncomingMessage } from "node:http";
import OpenAI from "openai";
import { descendants, procText, Program, run, type Finished } from "./process.ts";

const top = path.resolve(import.meta.dirname, "../../..");

/** Where the build put the programs (CTest sets GOGRID_BIN_DIR). */
export const binDir = process.env.GOGRID_BIN_DIR ?? path.join(top, "build/release/bin");
export const sampleModel = path.join(top, "models/gogrid-sample.gguf");

export function engineBundle(flavour = "cpu"): string {
  const dir = process.env.GOGRID_ENGINE_DIR ?? path.join(top, "build/engine");
  const found = fs.existsSync(dir)
    ? fs.readdirSync(dir).filter((name) => name.startsWith(`gogrid-engine-${flavour}-`) && name.endsWith(".tar.zst"))
    : [];
  if (found.length === 0) throw new Error(`no engine bundle in ${dir}: run engine/build --flavour ${flavour} --output ${dir}`);
  return path.join(dir, found.sort().at(-1)!);
}

/** Polls a fact that nothing announces; fails with the last value seen. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | false>, seconds = 60): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 50)));
  }
}

// Closed when the test file ends; a bench closes its own.
const grids: Grid[] = [];
if (process.env.NODE_TEST_CONTEXT) {
  after(async () => {
    for (const grid of grids) await grid.close();
  });
}

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  text: string;
  json: any;
}

export class Worker {
  readonly name: string;
  readonly stateDir: string;
  program!: Program;
  private readonly grid: Grid;
  private readonly extraEnv: NodeJS.ProcessEnv;

  constructor(grid: Grid, name: string, extraEnv: NodeJS.ProcessEnv = {}) {
    this.grid = grid;
    this.name = name;
    this.extraEnv = extraEnv;
    this.stateDir = path.join(grid.dir, name);
  }

  get env(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      HOME: this.grid.dir,
      // This machine has no owner but the tests, whose programs keep it busy.
      GOGRID_WORKER_PRESET: "dedicated",
      GOGRID_COORDINATOR_HOST: "127.0.0.1",
      GOGRID_COORDINATOR_PORT: String(this.grid.port),
      // A busy machine would keep engines waiting.
      GOGRID_WORKER_ENGINE_PRIORITY: "normal",
      ...this.extraEnv,
    };
  }

  command(args: string[], input = ""): Promise<Finished> {
    return run(path.join(binDir, "gogrid-worker"), ["--state-dir", this.stateDir, ...args], { env: this.env, input });
  }

  async join(token?: string): Promise<Finished> {
    token ??= (await this.grid.api("POST", "/api/v1/tokens", { name: this.name })).json.token as string;
    return this.command(["join", "-"], token + "\n");
  }

  start(args: string[] = []): Program {
    this.program = this.grid.program(
      new Program(this.name, path.join(binDir, "gogrid-worker"), ["--state-dir", this.stateDir, "run", ...args], this.env),
    );
    return this.program;
  }

  async status(): Promise<any> {
    const result = await this.command(["status", "--json"]);
    if (result.code !== 0) throw new Error(`gogrid-worker status: ${result.stderr}`);
    return JSON.parse(result.stdout);
  }

  /** What the coordinator knows of it. */
  async seen(): Promise<any> {
    const list = (await this.grid.api("GET", "/api/v1/workers")).json.data as any[];
    return list.find((worker) => worker.name === this.name);
  }

  /** Waits until the coordinator sees the model's replica here in that phase. */
  async replica(model: string, phase = "ready"): Promise<any> {
    return eventually(`${this.name} has ${model} ${phase}`, async () =>
      ((await this.seen())?.replicas as any[] | undefined)?.find(
        (replica) => replica.model_name === model && replica.phase === phase,
      ),
    );
  }
}

export class Grid {
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-test-"));
  port = 0;
  adminKey = "";
  ca = "";
  coordinator!: Program;
  readonly workers: Worker[] = [];
  private readonly programs: Program[] = [];
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 512 });

  /** A coordinator that is up. `settings` is TOML for coordinator.toml; `store` a URL, if it is not SQLite. */
  static async start(settings = "", store = ""): Promise<Grid> {
    const grid = new Grid();
    grids.push(grid);
    const init = await run(path.join(binDir, "gogrid-coordinator"), ["init", "--json", "--data-dir", grid.dataDir, ...(store ? ["--store", store] : [])], {
      env: grid.env,
    });
    if (init.code !== 0) throw new Error(`gogrid-coordinator init: ${init.stderr}`);
    grid.adminKey = JSON.parse(init.stdout).admin_key;
    grid.ca = fs.readFileSync(path.join(grid.dataDir, "ca.pem"), "utf8");
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), grid.ca]);
    if (settings) fs.appendFileSync(path.join(grid.dataDir, "coordinator.toml"), settings);
    await grid.startCoordinator();
    return grid;
  }

  /** A coordinator with the engine bundle, the sample model and `count` workers that have it ready. */
  static async withWorkers(count: number, settings = ""): Promise<Grid> {
    const grid = await Grid.start(settings);
    await grid.addEngine();
    await grid.addModel(sampleModel, "gogrid-sample");
    for (let n = 1; n <= count; n++) await grid.addWorker(`worker-${n}`);
    for (const worker of grid.workers) await worker.replica("gogrid-sample");
    return grid;
  }

  get dataDir(): string {
    return path.join(this.dir, "coordinator");
  }
  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }
  get env(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.dir };
  }
  get cliEnv(): NodeJS.ProcessEnv {
    return {
      ...this.env,
      GOGRID_URL: this.url,
      GOGRID_API_KEY: this.adminKey,
      GOGRID_CA: path.join(this.dataDir, "ca.pem"),
    };
  }

  program(program: Program): Program {
    this.programs.push(program);
    return program;
  }

  /** Starts the coordinator, on the port it had before if it had one: workers and clients look for it there. */
  async startCoordinator(): Promise<void> {
    const args = ["serve", "--data-dir", this.dataDir, "--bind-addr", "127.0.0.1", "--port", String(this.port)];
    this.coordinator = this.program(
      new Program("coordinator", path.join(binDir, "gogrid-coordinator"), args, this.env),
    );
    this.port = Number((await this.coordinator.saying(/listening on https:\/\/\S+:(\d+)/))[1]);
  }

  cli(args: string[], input = "", env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    return run(path.join(binDir, "gogrid"), args, { env: { ...this.cliEnv, ...env }, input });
  }

  async cliJson(args: string[], input = ""): Promise<any> {
    const result = await this.cli([...args, "--json"], input);
    if (result.code !== 0) throw new Error(`gogrid ${args.join(" ")}: exit ${result.code}: ${result.stderr}`);
    return JSON.parse(result.stdout);
  }

  async addEngine(flavour = "cpu"): Promise<void> {
    await this.cliJson(["engine", "add", engineBundle(flavour)]);
  }

  async addModel(file: string, name: string, args: string[] = []): Promise<void> {
    await this.cliJson(["model", "add", file, "--name", name, ...args]);
  }

  async addWorker(name: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Worker> {
    const worker = new Worker(this, name, env);
    this.workers.push(worker);
    const joined = await worker.join();
    if (joined.code !== 0) throw new Error(`join: ${joined.stderr}`);
    await worker.start(args).saying(/connected/);
    return worker;
  }

  /** One request with the admin key, or with `key` (null: none). The body is JSON unless it is a string. */
  async api(
    method: string,
    target: string,
    body?: unknown,
    options: { key?: string | null; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const key = options.key === undefined ? this.adminKey : options.key;
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port: this.port,
          path: target,
          method,
          ca: this.ca,
          agent: this.agent,
          headers: {
            ...(key ? { authorization: `Bearer ${key}` } : {}),
            ...(text === undefined ? {} : { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) }),
            ...options.headers,
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("error", reject);
          response.on("end", () => {
            const answer = Buffer.concat(parts).toString("utf8");
            let json: any;
            try {
              json = JSON.parse(answer);
            } catch {
              json = undefined;
            }
            resolve({ status: response.statusCode!, headers: response.headers, text: answer, json });
          });
        },
      );
      sent.on("error", reject);
      sent.end(text);
    });
  }

  /** The SDK as it comes from npm; it trusts the coordinator's CA as this whole process does (see start). */
  openai(key = this.adminKey): OpenAI {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey: key, maxRetries: 0 });
  }

  /** The value of a metric, all its labels summed, or those whose text holds `label`. */
  async metric(name: string, label = ""): Promise<number> {
    const { text } = await this.api("GET", "/metrics");
    return text
      .split("\n")
      .filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length] ?? "") && line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  async close(): Promise<void> {
    this.agent.destroy();
    for (const program of this.programs.reverse()) await program.stop();
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

/** How the worker's engines were started, by their command lines. */
export function engineArguments(worker: Worker): string[] {
  return descendants(worker.program.pid)
    .map((pid) => procText(pid, "cmdline").replaceAll("\0", " "))
    .filter((command) => command.startsWith("/usr/bin/llama-server"));
}
