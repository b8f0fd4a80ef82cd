// Programs under test: started in their own process group, awaited by what they print, and never left behind.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import * as readline from "node:readline";

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

const running = new Set<Program>();
process.on("exit", () => {
  for (const program of running) program.killNow();
});

/** A long-running program whose standard output says when it is ready. */
export class Program {
  /** A directory for what programs write to standard error: a bench must not pay for reading it. */
  static logDir: string | undefined;
  readonly name: string;
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  stderr = "";
  private lines: string[] = [];
  private waiters: { pattern: RegExp; resolve: (match: RegExpMatchArray) => void; reject: (error: Error) => void }[] = [];
  private ended = false;

  constructor(name: string, file: string, args: string[], env: NodeJS.ProcessEnv) {
    this.name = name;
    const log = Program.logDir === undefined ? "pipe" : fs.openSync(path.join(Program.logDir, `${name}.log`), "a");
    this.child = spawn(file, args, { env, stdio: ["ignore", "pipe", log] });
    if (typeof log === "number") fs.closeSync(log);
    running.add(this);
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = (this.stderr + text).slice(-200_000);
      this.settle();
    });
    readline.createInterface({ input: this.child.stdout! }).on("line", (line) => {
      this.lines.push(line);
      this.settle();
    });
    this.exited = new Promise((resolve) => {
      this.child.once("error", (error) => {
        this.stderr += String(error);
        resolve(null);
      });
      this.child.once("close", (code) => resolve(code));
    }).then((code) => {
      this.ended = true;
      running.delete(this);
      this.settle();
      return code as number | null;
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Resolves with the first line of output (either stream that is read) that matches, past or to come. */
  async saying(pattern: RegExp): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      this.waiters.push({ pattern, resolve, reject });
      this.settle();
    });
  }

  private settle(): void {
    if (this.waiters.length === 0) return;
    const everything = [...this.lines, ...this.stderr.split("\n")];
    this.waiters = this.waiters.filter(({ pattern, resolve, reject }) => {
      for (const line of everything) {
        const match = line.match(pattern);
        if (match) {
          resolve(match);
          return false;
        }
      }
      if (this.ended) {
        reject(new Error(`${this.name} ended without saying ${pattern}:\n${this.stderr.slice(-4000)}`));
        return false;
      }
      return true;
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  killNow(): void {
    this.child.kill("SIGKILL");
  }

  /** Asks it to stop and returns its exit code. */
  async stop(): Promise<number | null> {
    if (!this.ended) this.child.kill("SIGTERM");
    return this.exited;
  }
}

/** Runs a program to its end. */
export async function run(
  file: string,
  args: string[],
  options: { env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<Finished> {
  const child = spawn(file, args, { env: options.env ?? process.env, stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.on("error", () => {}); // a program that does not read its input is no fault
  child.stdin.end(options.input ?? "");
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

/** What /proc says of a process; empty when it has ended. */
export function procText(pid: number, name: string): string {
  try {
    return fs.readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}

const childrenOf = (pid: number) => procText(pid, `task/${pid}/children`).split(" ").filter(Boolean).map(Number);

/** The processes it started, and those that they started; without those that end meanwhile. It itself must be there. */
export function descendants(pid: number): number[] {
  if (!fs.existsSync(`/proc/${pid}`)) throw new Error(`process ${pid} has ended`);
  const below = (one: number): number[] => childrenOf(one).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

/** Bytes of memory that the process has; undefined where a sanitizer takes more than the program. */
export function residentBytes(pid: number): number | undefined {
  if (/lib[at]san/.test(fs.readFileSync(`/proc/${pid}/maps`, "utf8"))) return undefined;
  return Number(/VmRSS:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

/** Pids whose command line holds `text`, from /proc. */
export function processesWith(text: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const entry of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    try {
      const command = fs.readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ");
      const state = fs.readFileSync(`/proc/${entry}/stat`, "utf8").replace(/^.*\) /, "")[0];
      if (state !== "Z" && command.includes(text)) found.push({ pid: Number(entry), command });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}
