// The commands of the queue as people and scripts use them: jobs, batches and their files, top, usage, audit and limits of keys.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { before, test } from "node:test";
import { Command, facts, parsed, rows } from "./support/command.ts";
import type { Grid } from "./support/grid.ts";
import { request, standInGrid, whilePaused } from "./support/jobs.ts";

let grid: Grid;
let command: Command;
const nothing = { job: "job_0000000000000000", batch: "batch_0000000000000000", file: "file-0000000000000000" };
const endpoint = "/v1/chat/completions";

before(async () => {
  grid = await standInGrid(1, 2);
  command = new Command(grid);
});

const done: Command["done"] = (...args) => command.done(...args);
const refused: Command["refused"] = (...args) => command.refused(...args);
const submit = (...args: string[]) => done(["job", "submit", "--max-tokens", "3", ...args, "Say it."]).then((text) => text.trim());

function write(name: string, lines: string[]): string {
  const file = path.join(grid.dir, name);
  fs.writeFileSync(file, lines.map((line) => line + "\n").join(""));
  return file;
}
const batchLine = (id: string, tokens: number, more = {}) =>
  JSON.stringify({ custom_id: id, method: "POST", url: endpoint, body: { ...(request(tokens) as object), ...more } });
const good = () => write("good.jsonl", [1, 2, 3].map((tokens) => batchLine(`r${tokens}`, tokens)));
const mixed = () => write("mixed.jsonl", [batchLine("r1", 1), "nonsense", batchLine("r3", 3)]);

test("a job's id is all that submit prints; wait, show and result tell of it in words and in JSON", async () => {
  const id = await submit("--label", "team=blue", "--priority", "70");
  assert.match(id, /^job_[0-9a-f]{16}$/);
  assert.equal(await done(["job", "wait", id, "--timeout", "1m"]), `${id} succeeded\n`);
  assert.equal((await grid.cliJson(["job", "wait", id])).state, "succeeded");
  const shown = await done(["job", "show", id]);
  const { State, Priority, Tokens, Labels, Result } = facts(shown);
  assert.deepEqual([State, Priority, Tokens, Labels], ["succeeded", "70", "0 prompt, 3 completion", "team=blue"]);
  assert.ok(Result!.endsWith(`gogrid job result ${id}`));
  assert.match(shown, /ATTEMPT +WORKER[^]*\n +1 +wk_\w+ .*succeeded/);
  const json = await grid.cliJson(["job", "show", id]);
  assert.deepEqual([json.usage.completion_tokens, json.history.length], [3, 1]);
  const text = await done(["job", "result", id]);
  assert.equal(JSON.parse(text).choices[0].message.content, " token token token");
  assert.equal(await done(["job", "result", id, "-o", path.join(grid.dir, "answer.json")]), "");
  assert.equal(fs.readFileSync(path.join(grid.dir, "answer.json"), "utf8"), text);
});

test("submit --wait prints the words of the answer alone, and the whole answer with --json", async () => {
  const asks = ["job", "submit", "--wait", "--max-tokens", "2", "Say it."];
  assert.equal(await done(asks), " token token\n");
  assert.equal((await grid.cliJson(asks)).usage.completion_tokens, 2);
});

test("submit takes a whole request from standard input, and the same idempotency key gives the same job", async () => {
  const args = ["job", "submit", "--request", "-", "--endpoint", endpoint, "--idempotency-key", "nightly"];
  const id = await done(args, JSON.stringify(request(5)));
  assert.equal(await done(args, JSON.stringify(request(5))), id);
  await refused(args, 1, /idempotency key was used for another job; take a new one/, JSON.stringify(request(6)));
});

test("what waits says why: in job show, job ls, top and their JSON; wait --timeout ends with 7", () =>
  whilePaused(grid.workers[0]!, async () => {
    const id = await submit();
    const why = "1 worker has this model: 1 paused by its owner";
    const { State, "Why it waits": reason, Estimate } = facts(await done(["job", "show", id]));
    assert.deepEqual([State, reason, Estimate], ["queued", why, "unknown"]);
    assert.equal((await grid.cliJson(["job", "show", id])).waiting.reason, "workers_paused");
    assert.equal(rows(await done(["job", "ls", "--state", "queued"])).find((row) => row.ID === id)?.DETAIL, why);
    assert.match(await done(["top", "--once"]), new RegExp(`^stand-in .*${why}$`, "m"));
    await refused(["job", "wait", id, "--timeout", "1s"], 7, /the time is up; the job job_\w+ goes on/);
    await refused(["job", "result", id], 1, /has not ended yet/);
    const later = await submit("--not-before", "+10m");
    assert.match(facts(await done(["job", "show", later]))["Why it waits"]!, /^its time has not come/);
    await done(["job", "cancel", id, later]);
  }));

test("cancel and retry do what they can of several jobs, name the others, and end with 1", () =>
  whilePaused(grid.workers[0]!, async () => {
    const id = await submit();
    const { stdout, notes } = await refused(["job", "cancel", id, nothing.job], 1, /1 of 2 jobs are as they were/);
    assert.equal(stdout, `Cancelled the job ${id}.\n`);
    assert.deepEqual(notes, [`${nothing.job}: there is no such job`]);
    assert.equal((await refused(["job", "wait", id], 6, /was cancelled/)).stdout, `${id} cancelled\n`);
    await refused(["job", "cancel", id], 1, /has ended already/);
    await refused(["job", "result", id], 1, /no result: it is cancelled/);
    assert.equal(await done(["job", "retry", id]), `Queued the job ${id} again.\n`);
    assert.equal((await grid.cliJson(["job", "cancel", id])).state, "cancelled");
  }));

test("job ls filters by state, model, label and batch, and goes on with --after", async () => {
  const ids = [await submit("--label", "list=a"), await submit("--label", "list=a"), await submit("--label", "list=b")];
  await done(["job", "wait", ...ids]);
  const list = async (...args: string[]) => rows(await done(["job", "ls", ...args])).map((row) => row.ID);
  assert.deepEqual(await list("--label", "list=a", "--state", "succeeded,failed", "-m", "stand-in"), [ids[1], ids[0]]);
  const first = await grid.cliJson(["job", "ls", "--label", "list=a", "--limit", "1"]);
  assert.deepEqual([first.data[0].id, first.has_more], [ids[1], true]);
  assert.match(await done(["job", "ls", "--label", "list=a", "--limit", "1"]), new RegExp(`^More: --after ${ids[1]}$`, "m"));
  assert.deepEqual(await list("--label", "list=a", "--after", first.next), [ids[0]]);
  const batch = (await grid.cliJson(["batch", "create", good()])).id;
  await done(["batch", "wait", batch]);
  assert.equal((await list("--batch", batch)).length, 3);
  assert.match(await done(["job", "ls", "--label", "list=none"]), /^No jobs\. .*gogrid job submit/);
});

test("a job whose deadline passes ends wait and submit --wait with 6, and is shown as expired", () =>
  whilePaused(grid.workers[0]!, async () => {
    const { notes } = await refused(["job", "submit", "--wait", "--deadline", "+1s", "Say it."], 6, /its deadline passed/);
    const id = /job_\w+/.exec(notes[0]!)![0];
    await refused(["job", "wait", id], 6, /expired: its deadline passed/);
    assert.equal(facts(await done(["job", "show", id])).Error, "its deadline passed");
  }));

test("a batch is created, waited for, shown, listed and its results read, in words and in JSON", async () => {
  const id = (await done(["batch", "create", good(), "--metadata", "purpose=test", "--window", "2h"])).trim();
  assert.equal(await done(["batch", "wait", id]), `${id} completed\n`);
  const { Status, "Lines done": lines, Window, Metadata, Output } = facts(await done(["batch", "show", id]));
  assert.deepEqual([Status, lines, Window, Metadata], ["completed", "3 of 3", "2h", "purpose=test"]);
  assert.deepEqual((await grid.cliJson(["batch", "wait", id])).request_counts, { total: 3, completed: 3, failed: 0 });
  assert.deepEqual(parsed(await done(["batch", "result", id])).map((one) => one.custom_id).sort(), ["r1", "r2", "r3"]);
  const listed = rows(await done(["batch", "ls"]))[0]!;
  assert.deepEqual([listed.ID, listed.STATUS, listed.DONE], [id, "completed", "3 of 3"]);
  assert.equal((await grid.cliJson(["batch", "ls", "--limit", "1"])).data[0].output_file_id, Output);
  await refused(["batch", "cancel", id], 1, /is completed: it cannot be cancelled/);
});

test("a batch with a bad line ends create --wait with 6, and result --errors has that line", async () => {
  const remedy = /1 of 3 lines failed; see 'gogrid batch result batch_\w+ --errors FILE'/;
  const { stdout } = await refused(["batch", "create", mixed(), "--wait"], 6, remedy);
  const id = stdout.split(" ")[0]!;
  const errors = path.join(grid.dir, "errors.jsonl");
  assert.deepEqual(parsed(await done(["batch", "result", id, "--errors", errors])).map((one) => one.custom_id), ["r1", "r3"]);
  const [{ line, error }] = parsed(fs.readFileSync(errors, "utf8"));
  assert.deepEqual([line, error.code], [2, "invalid_json"]);
  const bad = write("bad.jsonl", ["nonsense"]);
  await refused(["batch", "create", bad, "--wait"], 6, /failed: .*not a JSON object; see 'gogrid batch show/);
  const failed = (await grid.cliJson(["batch", "ls", "--limit", "1"])).data[0];
  assert.match(await done(["batch", "show", failed.id]), /^LINE +CODE +MESSAGE\n +1 +invalid_json /m);
});

test("a batch that is not over has no results yet, wait --timeout ends with 7, and cancel makes wait end with 6", () =>
  whilePaused(grid.workers[0]!, async () => {
    const id = (await done(["batch", "create", good()])).trim();
    await refused(["batch", "result", id], 1, /is not over .*; wait for it: gogrid batch wait batch_/);
    await refused(["batch", "wait", id, "--timeout", "1s"], 7, /the time is up; the batch batch_\w+ goes on/);
    const { input_file_id: input } = await grid.cliJson(["batch", "show", id]);
    await refused(["file", "rm", input], 1, /a batch that has not ended uses this file; cancel it first/);
    assert.equal(await done(["batch", "cancel", id]), `Cancelled the batch ${id}.\n`);
    await refused(["batch", "wait", id], 6, /was cancelled with 0 of 3 lines done/);
  }));

test("files of batches are listed, read as they were written, and removed", async () => {
  const batch = await grid.cliJson(["batch", "create", good()]);
  await done(["batch", "wait", batch.id]);
  const id = batch.input_file_id as string;
  const row = rows(await done(["file", "ls"])).find((file) => file.ID === id)!;
  assert.deepEqual([row.NAME, row.PURPOSE, row.EXPIRES], ["good.jsonl", "batch", "never"]);
  assert.equal((await grid.cliJson(["file", "ls", "--limit", "1"])).data[0].purpose, "batch_output");
  assert.equal(await done(["file", "get", id]), fs.readFileSync(good(), "utf8"));
  assert.deepEqual(await grid.cliJson(["file", "rm", id]), { removed: id });
  await refused(["file", "get", id], 5, /there is no such file/);
});

test("run writes the results in the order of the lines, whichever is done first, and exits with 0", async () => {
  const waits = [400, 200, 0];
  const file = write("order.jsonl", waits.map((wait, at) => JSON.stringify(request(at + 1, wait))));
  const results = parsed(await done(["run", file]));
  assert.deepEqual(results.map((one) => one.custom_id), ["line-1", "line-2", "line-3"]);
  assert.deepEqual(results.map((one) => one.response.body.usage.completion_tokens), [1, 2, 3]);
  const output = path.join(grid.dir, "words.txt");
  assert.equal(await done(["run", file, "--text", "-o", output]), "");
  assert.equal(fs.readFileSync(output, "utf8"), " token\n token token\n token token token\n");
  const lines = '"Say it."\n{"prompt": "Say it.", "max_tokens": 1}\n';
  assert.equal(await done(["run", "-", "-m", "stand-in", "--text"], lines), `${" token".repeat(16)}\n token\n`);
});

test("run with a bad line names it and sends nothing; --skip-bad sends the others and ends with 6", async () => {
  const newest = async () => (await grid.cliJson(["batch", "ls", "--limit", "1"])).data[0].id;
  const before = await newest();
  const { stdout, notes } = await refused(["run", mixed()], 1, /1 of 3 lines cannot be sent, so nothing was; .*--skip-bad/);
  assert.deepEqual([stdout, notes], ["", ["line 2: is not JSON"]]);
  assert.equal(await newest(), before);
  const skipped = await refused(["run", mixed(), "--skip-bad"], 6, /1 of 3 lines did not succeed/);
  const results = parsed(skipped.stdout);
  assert.deepEqual(results.map((one) => one.error?.code), [undefined, "bad_line", undefined]);
  assert.equal(results[2].response.body.usage.completion_tokens, 3);
  await refused(["run", write("nobody.jsonl", [batchLine("r", 1, { model: "nobody" })])], 6, /there is no model 'nobody'/);
});

test("top prints workers, models and throughput once where there is no terminal, and JSON for scripts", async () => {
  const text = await done(["top"]);
  assert.match(text, /^gogrid top +https:\S+ +1 worker connected\n/);
  assert.match(text, /^Since its start: \d+ requests, [1-9]\d* jobs, [1-9]\d* tokens written/m);
  assert.match(text, /^worker-1 +available +\d\/2 +stand-in/m);
  assert.doesNotMatch(text, /\x1b/);
  const { queue, workers } = await grid.cliJson(["top"]);
  assert.deepEqual([queue.totals.workers_connected, workers.data[0].name], [1, "worker-1"]);
});

test("key set limits a key from the next request on; usage counts it and audit keeps the act", async () => {
  const { id, key } = await grid.cliJson(["key", "create", "limited"]);
  const as = { GOGRID_API_KEY: key };
  const ask = ["job", "submit", "--wait", "--max-tokens", "4", "-m", "stand-in", "Say it."];
  await done(ask, "", as);
  await done(ask, "", as);
  const [row] = rows(await done(["key", "set", id, "--weight", "2", "--max-concurrent", "3", "--models", "other"]));
  assert.deepEqual([row!.MODELS, row!.LIMITS], ["other", "weight 2, 3 at once"]);
  await refused(ask, 5, /there is no model 'stand-in'/, "", as);
  const changed = await grid.cliJson(["key", "set", id, "--any-model"]);
  assert.deepEqual([changed.models, changed.weight], [[], 2]);

  const used = (await grid.cliJson(["usage", "--key", id])).data;
  assert.deepEqual(used.map((one: any) => [one.model, one.requests, one.completion_tokens]), [["stand-in", 2, 8]]);
  const [mine, total] = rows(await done(["usage", "--by", "key"], "", as));
  assert.deepEqual([mine!.KEY, mine!.REQUESTS, total!["COMPLETION TOKENS"]], ["limited", "2", "8"]);

  const acts = rows(await done(["audit", "--limit", "3"])).filter((act) => act.WHAT === id);
  assert.deepEqual(acts.map((act) => act.DID), ["key.change", "key.change", "key.create"]);
  assert.deepEqual(JSON.parse(acts[1]!.DETAIL!), { max_concurrent: 3, models: ["other"], weight: 2 });
  const { data } = await grid.cliJson(["audit", "--before", acts[1]!.NUMBER!, "--limit", "1"]);
  assert.deepEqual([data[0].action, data[0].subject], ["key.create", id]);

  for (const args of [["audit"], ["top"], ["key", "set", id, "--weight", "3"], ["job", "ls", "--all-keys"]])
    await refused(args, 4, /scope "?admin"?.*'gogrid key create'/, "", as);
});

test("one line and exit code 2 for what cannot be meant, 3 where no coordinator answers, 5 for what is not there", async () => {
  const wrong: [string[], RegExp][] = [
    [["job", "submit"], /give a prompt, or a request with --request FILE/],
    [["job", "submit", "--priority", "101", "x"], /--priority.* 0 to 100; see 'gogrid job submit --help'/],
    [["job", "submit", "--deadline", "soon", "x"], /--deadline must be a time such as/],
    [["job", "submit", "--label", "x", "x"], /--label must be NAME=VALUE/],
    [["job", "sumbit", "x"], /did you mean 'gogrid job submit'/],
    [["batch", "create", good(), "--metadata", "x"], /--metadata must be NAME=VALUE/],
    [["file", "get"], /see 'gogrid file get --help'/],
    [["top", "--interval", "1ms"], /--interval must be a time of 100ms or more/],
    [["usage", "--from", "yesterday"], /--from must be a day such as/],
    [["audit", "--limit", "0"], /--limit.* 1 to 1000; see 'gogrid audit --help'/],
    [["key", "set", "0000000000000000"], /nothing to change: give an option/],
  ];
  const alone = { stdout: "", notes: [] };
  for (const [args, words] of wrong) assert.deepEqual(await refused(args, 2, words), alone);
  const verbs = { job: "show wait result cancel retry", batch: "show wait result cancel", file: "get rm" } as const;
  for (const group of ["job", "batch", "file"] as const) {
    for (const verb of verbs[group].split(" "))
      assert.deepEqual(await refused([group, verb, nothing[group]], 5, RegExp(`no such ${group}`)), alone);
  }
  await refused(["key", "set", "0000000000000000", "--weight", "2"], 5, /there is no key 0000000000000000/);
  const nowhere = { GOGRID_URL: "https://127.0.0.1:1" };
  for (const args of [["job", "ls"], ["batch", "ls"], ["file", "ls"], ["top"], ["usage"], ["audit"], ["run", good()]])
    await refused(args, 3, /cannot reach .*; is the coordinator running\?/, "", nowhere);
});
