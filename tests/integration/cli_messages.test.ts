// What `gogrid` says where it refuses: it names what is wrong, and once.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { before, test } from "node:test";
import { Command } from "./support/command.ts";
import type { Grid } from "./support/grid.ts";
import { request, standInGrid } from "./support/jobs.ts";

let grid: Grid;
let command: Command;
const refused: Command["refused"] = (...args) => command.refused(...args);

before(async () => {
  grid = await standInGrid(1, 2);
  command = new Command(grid);
});

test("an id that is empty, as an unset variable of a script, is wrong usage", async () => {
  await grid.cliJson(["job", "submit", "--wait", "Say it."]);
  const verbs = {
    job: "show wait result cancel retry",
    batch: "show wait result cancel",
    file: "get rm",
    model: "show rm",
    worker: "show revoke",
  };
  const asked = Object.entries(verbs).flatMap(([group, names]) => names.split(" ").map((verb) => [group, verb, ""]));
  for (const args of [...asked, ["key", "set", "", "--weight", "2"], ["key", "revoke", ""]]) {
    const limit = args[1] === "wait" ? ["--timeout", "1s"] : [];
    assert.equal((await refused([...args, ...limit], 2, /see 'gogrid \w+ \w+ --help'/)).stdout, "");
  }
});

test("a field that the coordinator refuses is named", async () => {
  const rows: [string[], RegExp][] = [
    [["job", "submit", "--deadline", "2020-01-01", "x"], /"deadline" has passed already/],
    [["job", "submit", "--not-before", "+10m", "--deadline", "+1m", "x"], /"deadline" is not after "not_before"/],
    [["job", "submit", "--label", "a b=c", "x"], /"labels" must have names of/],
    [["job", "ls", "--batch", "nonsense"], /"batch" is not the id of a batch/],
    [["job", "ls", "--after", "nonsense"], /"after" is not the id of a job/],
  ];
  for (const [args, words] of rows) await refused(args, 1, words);
});

test("run --text names a bad line's number once", async () => {
  const file = path.join(grid.dir, "mixed.jsonl");
  fs.writeFileSync(file, `nonsense\n${JSON.stringify(request(1))}\n`);
  const { notes } = await refused(["run", file, "--skip-bad", "--text"], 6, /1 of 2 lines did not succeed/);
  assert.deepEqual(notes.filter((note) => /line 1: line 1/.test(note)), []);
});

test("a choice that is none is refused with the choices there are", async () => {
  await refused(["usage", "--by", "hour"], 2, /--by: hour not in \{day,key,model\}; see 'gogrid usage --help'/);
});

test("standard input is called so", async () => {
  await refused(["job", "submit", "--request", "-"], 1, /standard input is not a JSON object/, "nonsense");
  await refused(["run", "-"], 1, /standard input has no lines/);
});

test("usage from a day to an earlier one is wrong usage", async () => {
  await refused(["usage", "--from", "2026-11-02", "--to", "2026-11-01"], 2, /--from.*--to/);
});
