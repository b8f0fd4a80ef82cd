// `gogrid` as people and scripts meet it: how it ends, what it prints, and its tables taken apart.
import assert from "node:assert/strict";
import type { Grid } from "./grid.ts";

export interface Refused {
  stdout: string;
  /** The lines of standard error before the last one. */
  notes: string[];
}

export class Command {
  private readonly grid: Grid;

  constructor(grid: Grid) {
    this.grid = grid;
  }

  /** What a command prints that does what it is for. */
  async done(args: string[], input = "", env: NodeJS.ProcessEnv = {}): Promise<string> {
    const { code, stdout, stderr } = await this.grid.cli(args, input, env);
    assert.equal(code, 0, `gogrid ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** A command that ends with that code and says why in the last line of standard error. */
  async refused(args: string[], code: number, why: RegExp, input = "", env: NodeJS.ProcessEnv = {}): Promise<Refused> {
    const result = await this.grid.cli(args, input, env);
    assert.equal(result.code, code, `gogrid ${args.join(" ")}: ${result.stderr}`);
    const notes = result.stderr.trimEnd().split("\n");
    const last = notes.pop()!;
    assert.match(last, why);
    assert.match(last, /^gogrid: /);
    return { stdout: result.stdout, notes };
  }
}

/** A table's rows by the names of its columns. */
export function rows(text: string): Record<string, string>[] {
  const [head, ...lines] = text.trimEnd().split("\n").map((line) => line.trim().split(/ {2,}/));
  return lines.map((cells) => Object.fromEntries(head!.map((name, at) => [name, cells[at]!])));
}

/** What lines such as "State:  queued" say. */
export function facts(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^(\S[^:]*): +(.*)$/gm)].map(([, name, value]) => [name!, value!]));
}

/** JSON lines. */
export function parsed(text: string): any[] {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}
