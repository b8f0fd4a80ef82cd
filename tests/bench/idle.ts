// scripts/dev bench idle: what worker and tray cost the owner while they wait: connected, with nothing to do and no model loaded,
// for BENCH_SECONDS (120). Beside it, in the same run, what is installed of boinc-client, syncthing and tailscale. Then BENCH_PAUSES (30) times the owner's
// hand at the mouse in the middle of an answer, until the engine is gone. Prints a Markdown report.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Desktop } from "../integration/support/desktop.ts";
import { binDir, eventually, Grid, sampleModel, type Worker } from "../integration/support/grid.ts";
import { descendants, procText } from "../integration/support/process.ts";

const seconds = Number(process.env.BENCH_SECONDS ?? 120);
const pauses = Number(process.env.BENCH_PAUSES ?? 30);
const model = "gogrid-sample";
const say = (text: string) => process.stderr.write(text + "\n");
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-bench-idle-"));

interface Cost {
  pssBytes: number;
  rssBytes: number;
  cpuSeconds: number;
  wakeUps: number;
}

/** Of a process and all that it started, so far. */
function cost(pid: number): Cost {
  const sum: Cost = { pssBytes: 0, rssBytes: 0, cpuSeconds: 0, wakeUps: 0 };
  for (const one of [pid, ...descendants(pid)]) {
    const rollup = procText(one, "smaps_rollup");
    sum.pssBytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
    sum.rssBytes += Number(/^Rss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
    for (const task of fs.readdirSync(`/proc/${one}/task`)) {
      // Nanoseconds that it ran.
      sum.cpuSeconds += Number(procText(one, `task/${task}/schedstat`).split(" ")[0] ?? 0) / 1e9;
      sum.wakeUps += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(procText(one, `task/${task}/status`))?.[1] ?? 0);
    }
  }
  return sum;
}

interface Subject {
  name: string;
  pid: number;
}

const children: ChildProcess[] = [];
const installed = (program: string) => (process.env.PATH ?? "").split(":").map((folder) => path.join(folder, program)).find((file) => fs.existsSync(file));

/** Others of the kind, as they come from their packages, with nothing to do. */
function others(): Subject[] {
  const found: Subject[] = [];
  const start = (name: string, program: string, args: string[]) => {
    const file = installed(program);
    if (!file) {
      say(`${program} is not installed: left out`);
      return;
    }
    const home = path.join(dir, program);
    fs.mkdirSync(home);
    const child = spawn(file, args.map((arg) => arg.replace("HOME", home)), { cwd: home, env: { PATH: process.env.PATH, HOME: home }, stdio: "ignore" });
    children.push(child);
    found.push({ name, pid: child.pid! });
  };
  start("boinc-client", "boinc", ["--dir", "HOME", "--no_gui_rpc"]);
  start("syncthing", "syncthing", ["--no-browser", "--home", "HOME", "--gui-address", "127.0.0.1:0"]);
  start("tailscaled", "tailscaled", ["--tun=userspace-networking", "--statedir", "HOME", "--socket", "HOME/socket"]);
  return found;
}

const desktop = await Desktop.start();
await desktop.startXembedTray();
const grid = await Grid.start();
const idle = await grid.addWorker("idle", ["--idle-after-seconds", "1"], { DISPLAY: desktop.env.DISPLAY, GOGRID_WORKER_PRESET: "default" });
const tray = desktop.program("gogrid-tray", path.join(binDir, "gogrid-tray"), ["--state-dir", idle.stateDir]);
const subjects: Subject[] = [
  { name: "gogrid-worker", pid: idle.program.pid },
  { name: "gogrid-tray", pid: tray.pid },
  ...others(),
];
say("waiting until all have settled");
await new Promise((resolve) => setTimeout(resolve, 45_000));
say(`${seconds} s with nothing to do`);
const before = subjects.map((subject) => cost(subject.pid));
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const after = subjects.map((subject) => cost(subject.pid));
for (const child of children) {
  const gone = once(child, "exit");
  child.kill();
  await gone;
}

const mega = (bytes: number) => (bytes / 1e6).toFixed(1);
console.log(`| ${seconds} s idle | PSS | RSS | of a core | wake-ups/s |\n|---|---|---|---|---|`);
subjects.forEach(({ name }, index) => {
  const [was, is] = [before[index]!, after[index]!];
  const share = ((is.cpuSeconds - was.cpuSeconds) / seconds) * 100;
  console.log(`| ${name} | ${mega(is.pssBytes)} MB | ${mega(is.rssBytes)} MB | ${share.toFixed(3)} % | ${((is.wakeUps - was.wakeUps) / seconds).toFixed(2)} |`);
});

// Two engines and a desktop on few cores make each other wait.
await idle.command(["set", "worker.pause_on_pressure", "false"]);
await grid.addEngine();
await grid.addModel(sampleModel, model);
const other = await grid.addWorker("other");
const engines = (worker: Worker) =>
  descendants(worker.program.pid).filter((pid) => procText(pid, "cmdline").startsWith("/usr/bin/llama-server"));
const reactions: number[] = [];
say(`${pauses} times the owner`);
for (let number = 0; number < pauses; number++) {
  await other.command(["pause"]);
  await idle.replica(model);
  const stream = await grid.openai().chat.completions.create({
    model, messages: [{ role: "user", content: `${number}: what is GoGrid?` }], stream: true, max_tokens: 2000, ignore_eos: true,
  } as any);
  let events = 0;
  for await (const _ of stream as any) {
    if (++events !== 20) continue;
    await other.command(["resume"]);
    await other.replica(model);
    const begin = performance.now();
    await desktop.moveMouse();
    while (engines(idle).length > 0) await new Promise(setImmediate);
    reactions.push(performance.now() - begin);
  }
  await eventually("it is free again", async () => (await idle.status()).availability === "available");
}
await grid.close();
await desktop.close();
fs.rmSync(dir, { recursive: true, force: true });

reactions.sort((a, b) => a - b);
const at = (part: number) => reactions[Math.min(reactions.length - 1, Math.floor(reactions.length * part))]!.toFixed(0);
console.log(`\n| ${pauses} times the owner's hand | p50 | p99 |\n|---|---|---|\n| mouse to the engine gone | ${at(0.5)} ms | ${at(0.99)} ms |`);
