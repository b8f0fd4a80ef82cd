// The command line as people and scripts use it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { before, test } from "node:test";
import { Grid, sampleModel } from "./support/grid.ts";

let grid: Grid;

before(async () => {
  grid = await Grid.withWorkers(1);
});

test("chat streams an answer to standard output and nothing else", async () => {
  const result = await grid.cli(["chat", "-m", "gogrid-sample", "What is GoGrid?"]);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /GoGrid/);
  assert.equal(result.stderr, "");
});

test("chat reads its prompt from standard input, and picks the one model there is", async () => {
  const result = await grid.cli(["chat"], "What is GoGrid?\n");
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /GoGrid/);
});

for (const args of [["status"], ["worker", "ls"], ["model", "ls"], ["engine", "ls"], ["token", "ls"], ["key", "ls"], ["upload", "ls"], ["model", "show", "gogrid-sample"]]) {
  test(`gogrid ${args.join(" ")} prints a table, and JSON for scripts`, async () => {
    const table = await grid.cli(args);
    assert.equal(table.code, 0, table.stderr);
    assert.ok(table.stdout.trim().length > 0);
    assert.doesNotMatch(table.stdout, /\x1b/, "no colour where there is no terminal");
    assert.equal(typeof (await grid.cliJson(args)), "object");
  });
}

test("exit codes: usage 2, unreachable 3, not allowed 4, not found 5", async () => {
  assert.equal((await grid.cli(["no-such-command"])).code, 2);
  assert.equal((await grid.cli(["key", "create", "x", "--expires", "soon"])).code, 2);
  assert.equal((await grid.cli(["status"], "", { GOGRID_URL: "https://127.0.0.1:1" })).code, 3);
  assert.equal((await grid.cli(["status"], "", { GOGRID_API_KEY: "gg_0000000000000000_no" })).code, 4);
  assert.equal((await grid.cli(["model", "show", "nothing"])).code, 5);
});

test("an untrusted certificate is refused with the way out", async () => {
  const result = await grid.cli(["status"], "", { GOGRID_CA: "" });
  assert.equal(result.code, 3);
  assert.match(result.stderr, /GOGRID_CA|gogrid login/);
});

test("login stores what it was told, for its owner only", async () => {
  const home = path.join(grid.dir, "home");
  fs.mkdirSync(home);
  const env = { HOME: home, GOGRID_URL: undefined, GOGRID_API_KEY: undefined, GOGRID_CA: undefined };
  const login = await grid.cli(["login", grid.url, "--ca", path.join(grid.dataDir, "ca.pem")], grid.adminKey + "\n", env);
  assert.equal(login.code, 0, login.stderr);
  const file = path.join(home, ".config/gogrid/config.toml");
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.equal((await grid.cli(["status"], "", env)).code, 0);
});

test("what is no GGUF, or a truncated one, is refused before anything is stored", async () => {
  const text = path.join(grid.dir, "letter.gguf");
  fs.writeFileSync(text, "Dear model,".repeat(1000));
  const cut = path.join(grid.dir, "cut.gguf");
  fs.writeFileSync(cut, fs.readFileSync(sampleModel).subarray(0, 500_000));
  for (const [file, words] of [[text, /GGUF/], [cut, /truncated|short|incomplete/i]] as const) {
    const result = await grid.cli(["model", "add", file]);
    assert.equal(result.code, 1, result.stderr);
    assert.match(result.stderr, words);
  }
  assert.deepEqual(fs.readdirSync(path.join(grid.dataDir, "uploads")), []);
});

test("a key may be called what people call things, and comes with the addresses that clients want", async () => {
  const made = await grid.cli(["key", "create", "Alice's laptop"]);
  assert.equal(made.code, 0, made.stderr);
  assert.ok(made.stdout.includes(`${grid.url}/v1   for OpenAI's SDKs\n`), made.stdout);
  assert.ok(made.stdout.includes(`${grid.url}      for Anthropic's\n`), made.stdout);
  const { data } = (await grid.cliJson(["key", "ls"])) as { data: { name: string }[] };
  assert.equal(data.at(-1)!.name, "Alice's laptop");
});

test("the coordinator logs events with their facts", async () => {
  await grid.cli(["status"]);
  await grid.coordinator.saying(/info answered method=GET path=\/api\/v1\/status status=200 duration_ms=\d+ sent_bytes=\d+ key=[0-9a-f]{16} request=req_/);
  await grid.coordinator.saying(/info worker joined worker=wk_\w+ name=/);
  await grid.coordinator.saying(/info worker connected worker=wk_\w+ remote=/);
});

test("the completion scripts are shell that parses", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const script = await grid.cli(["completion", shell]);
    assert.equal(script.code, 0);
    assert.match(script.stdout, /gogrid/);
  }
});

test("every command's help names what it takes and gives an example", async () => {
  for (const command of ["login", "status", "chat", "model", "worker", "token", "key", "engine"]) {
    const help = await grid.cli([command, "--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /gogrid /);
  }
});

test("secrets are in no process list and no log", async () => {
  const log = grid.coordinator.stderr + grid.workers[0]!.program.stderr;
  assert.ok(!log.includes(grid.adminKey.slice(-20)));
  assert.ok(!log.includes("What is GoGrid?"));
});
