// scripts/demo as a person runs it, with programs that are built already: it stays up until Ctrl-C, leaves nothing behind, and finds
// its state again.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { request } from "node:https";
import { after, test } from "node:test";
import { binDir, engineBundle } from "./support/grid.ts";
import { processesWith, Program, run, type Finished } from "./support/process.ts";
import { writeTinyModel } from "./support/tiny_gguf.ts";

const script = path.resolve(import.meta.dirname, "../../scripts/demo");
// A checkout can lie in such a one.
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid it's "));
const started: Program[] = [];
after(async () => {
  for (const program of started) await program.stop();
  fs.rmSync(dir, { recursive: true, force: true });
});

class Demo {
  readonly dir: string;
  readonly program: Program;

  /** The first of a process group of its own, as a shell starts it on a terminal. */
  constructor(name: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
    this.dir = path.join(dir, name);
    const programs = { GOGRID_BIN_DIR: binDir, GOGRID_ENGINE_DIR: path.dirname(engineBundle()) };
    this.program = new Program(name, "setsid", [script, "--port", "0", ...args], {
      PATH: process.env.PATH,
      HOME: dir,
      DEMO_DIR: this.dir,
      ...programs,
      ...env,
    });
    started.push(this.program);
  }

  async up(): Promise<this> {
    await this.program.saying(/Ctrl-C stops everything/);
    return this;
  }

  /** What a terminal does: every process of the group gets it. */
  ctrlC(): void {
    process.kill(-this.program.pid, "SIGINT");
  }

  async end(code: number): Promise<void> {
    assert.equal(await this.program.exited, code, this.program.stderr);
    assert.deepEqual(processesWith(this.dir), []);
  }

  /** A line typed in another terminal, after `. env`. */
  async typed(line: string): Promise<Finished> {
    const env = { PATH: process.env.PATH, HOME: dir };
    const result = await run("bash", ["-c", `. "$0"; ${line}`, path.join(this.dir, "env")], { env });
    assert.equal(result.code, 0, result.stderr);
    return result;
  }

  async json(line: string): Promise<any> {
    return JSON.parse((await this.typed(line)).stdout);
  }

  /** The worker's process, by its place in the list. */
  worker(number: number): number {
    return processesWith(`--state-dir ${this.dir}/worker-${number} run`)[0]!.pid;
  }
}

/** The answer to a long streamed request; `onFirst` is called when it has begun. */
async function streamed(demo: Demo, onFirst: () => void): Promise<string> {
  const { url, key } = await demo.json(`printf '{"url": "%s", "key": "%s"}' "$OPENAI_BASE_URL" "$OPENAI_API_KEY"`);
  const ca = fs.readFileSync(path.join(demo.dir, "coordinator", "ca.pem"));
  const body = { model: "gogrid-sample", messages: [{ role: "user", content: "What is GoGrid?" }], stream: true, max_tokens: 200, ignore_eos: true };
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const sent = request(`${url}/chat/completions`, { method: "POST", headers, ca, agent: false }, (response) => {
      let all = "";
      response.once("data", onFirst);
      response.setEncoding("utf8").on("error", reject);
      response.on("data", (part: string) => (all += part));
      response.on("end", () => resolve(all));
    });
    sent.on("error", reject);
    sent.end(JSON.stringify(body));
  });
}

test("it stays up until Ctrl-C, which waits for what is being answered and leaves nothing behind", async () => {
  // An earlier run was interrupted while it made the coordinator.
  fs.mkdirSync(path.join(dir, "first", "coordinator.new"), { recursive: true });
  fs.writeFileSync(path.join(dir, "first", "coordinator.new", "ca.key"), "");
  fs.writeFileSync(path.join(dir, "first", "admin.key"), "");
  const demo = await new Demo("first", ["--workers", "2"]).up();
  await demo.program.saying(/GoGrid is /);
  const status = await demo.json("gogrid status --json");
  assert.deepEqual([status.workers.connected, status.workers.total], [2, 2]);
  const models = await demo.json('curl -sS $OPENAI_BASE_URL/models -H "Authorization: Bearer $OPENAI_API_KEY"');
  assert.deepEqual(models.data.map((model: any) => model.id), ["gogrid-sample"]);

  const answer = await streamed(demo, () => demo.ctrlC());
  const end = answer.slice(-1000);
  assert.match(end, /"finish_reason":"length"/);
  assert.match(end, /data: \[DONE\]\s*$/);
  await demo.end(130);
  const log = fs.readFileSync(path.join(demo.dir, "log", "coordinator.log"), "utf8");
  assert.match(log, /stopped\s*$/);
});

test("the next run takes the state as it is, and enrols a worker anew whose identity has expired", async () => {
  const identity = (number: number) => path.join(dir, "first", `worker-${number}`, "identity", "worker.pem");
  const kept = fs.readFileSync(identity(1), "utf8");
  const csr = path.join(dir, "request.pem");
  const key = path.join(dir, "first", "worker-2", "identity", "worker.key");
  for (const args of [
    ["req", "-new", "-key", key, "-subj", "/CN=x", "-out", csr],
    ["x509", "-req", "-in", csr, "-signkey", key, "-days", "-1", "-out", identity(2)],
  ]) {
    const { code, stderr } = await run("openssl", args);
    assert.equal(code, 0, stderr);
  }

  const demo = await new Demo("first", ["--workers", "2"]).up();
  assert.equal(fs.readFileSync(identity(1), "utf8"), kept);
  assert.match(demo.program.stderr, /enrolling worker-2/);
  assert.doesNotMatch(demo.program.stderr, /enrolling worker-1|Uploading|making the coordinator/);
  const { data } = await demo.json("gogrid worker ls --json");
  assert.deepEqual(data.filter((worker: any) => worker.connected).map((worker: any) => worker.name).sort(), ["worker-1", "worker-2"]);

  // TERM, as a service manager sends it.
  demo.program.kill("SIGTERM");
  await demo.end(143);
});

test("a model of an older checkout is replaced", async () => {
  const demo = await new Demo("first").up();
  const old = path.join(dir, "old.gguf");
  writeTinyModel(old, { seed: 1 });
  await demo.typed(`gogrid model rm --yes gogrid-sample && gogrid model add '${old.replaceAll("'", "'\\''")}' --name gogrid-sample`);
  demo.ctrlC();
  await demo.end(130);
  const next = new Demo("first", ["--once"]);
  await next.end(0);
  assert.match(next.program.stderr, /Uploading/);
});

test("a program that ends by itself ends it with code 1, its name and its log", async () => {
  const demo = await new Demo("killed", ["--workers", "2"]).up();
  process.kill(demo.worker(2), "SIGKILL");
  await demo.end(1);
  assert.match(demo.program.stderr, /worker-2 ended by itself with code 137; its log is .*log\/worker-2\.log/);
});

test("a program that is not ready in time is named, with its log and what to look at", async () => {
  // A worker that never connects.
  const programs = path.join(dir, "programs");
  fs.mkdirSync(programs);
  for (const name of ["gogrid", "gogrid-coordinator"]) fs.symlinkSync(path.join(binDir, name), path.join(programs, name));
  const stuck = `#!/bin/sh\ncase " $* " in *" run "*) echo it waits; exec tail -n 0 -f "$2/identity/worker.json" ;; esac\nexec '${path.join(binDir, "gogrid-worker")}' "$@"\n`;
  fs.writeFileSync(path.join(programs, "gogrid-worker"), stuck, { mode: 0o755 });
  const demo = new Demo("stuck", [], { GOGRID_BIN_DIR: programs, DEMO_PATIENCE: "15" });
  await demo.end(1);
  assert.match(demo.program.stderr, /it waits\n.*worker-1 did not say "connected to" in 15 s: see whether a firewall blocks UDP port \d+/);
});

test("a port that is none is refused", async () => {
  for (const port of ["99999", "x", "-1"]) {
    const { code, stderr } = await run(script, ["--port", port], { env: { PATH: process.env.PATH, HOME: dir } });
    assert.equal(code, 1);
    assert.match(stderr, /--port takes a number from 0 to 65535/);
  }
});
