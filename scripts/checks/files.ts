// The checkout as the checks see it: tracked and new files, read once.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

export const top = path.resolve(import.meta.dirname, "../..");

export interface Fault {
  file: string;
  line: number;
  what: string;
}

export function listFiles(pattern: RegExp): string[] {
  return execFileSync("git", ["-C", top, "ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => pattern.test(file) && fs.existsSync(path.join(top, file)))
    .sort();
}

export function read(file: string): string {
  return fs.readFileSync(path.join(top, file), "utf8");
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
