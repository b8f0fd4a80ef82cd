// The owner changes settings: from the command line, in an editor, with mistakes, and while models run.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { binDir, eventually, Grid, sampleModel } from "./support/grid.ts";
import { Control } from "./support/control.ts";
import { run } from "./support/process.ts";

let grid: Grid;
const home = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-settings-"));
const file = (name: string) => path.join(home, name, "gogrid-worker", "config.toml");

before(async () => {
  grid = await Grid.start();
  await grid.addEngine("vulkan");
  await grid.addModel(sampleModel, "gogrid-sample");
});

after(() => fs.rmSync(home, { recursive: true, force: true }));

const replicaOf = (status: any) => (status.replicas as any[]).find((replica) => replica.model_name === "gogrid-sample");
const settingOf = (settings: any, key: string) => (settings.settings as any[]).find((setting) => setting.key === key);

test("the documents say which settings wait for a restart, and what each preset sets", async () => {
  const text = fs.readFileSync(path.resolve(import.meta.dirname, "../../docs/operations.md"), "utf8");
  const presets = ["conservative", "default", "aggressive", "dedicated"];
  const shown = await Promise.all(
    presets.map(async (preset) => {
      const { stdout } = await run(path.join(binDir, "gogrid-worker"), ["settings", "--json"], { env: { PATH: process.env.PATH, HOME: home, GOGRID_WORKER_PRESET: preset } });
      return JSON.parse(stdout).settings as any[];
    }),
  );
  const waiting = shown[0]!.filter((setting) => setting.applies === "at_restart").map((setting) => setting.key);
  const named = /All settings count at once but (.*?), which count when the worker starts again/s.exec(text)![1]!;
  assert.deepEqual([...named.matchAll(/`([^`]+)`/g)].map((match) => match[1]).sort(), waiting.sort());

  const rows = shown[0]!
    .map((setting, index) => [setting.key, ...shown.map((settings) => String(settings[index].value))] as string[])
    .filter(([key, ...values]) => key !== "worker.preset" && new Set(values).size > 1)
    .map(([key, ...values]) => `| \`${key!.replace("worker.", "")}\` | ${values.join(" | ")} |`);
  const [, table] = text.split(`| in \`[worker]\` | ${presets.map((preset) => `\`${preset}\``).join(" | ")} |\n|---|---|---|---|---|\n`);
  assert.deepEqual(table!.split("\n\n")[0]!.split("\n").sort(), rows.sort());
});

test("without a daemon they are shown and changed in the file, and the rest of it stays", async () => {
  const command = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    run(path.join(binDir, "gogrid-worker"), args, { env: { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: path.join(home, "alone"), ...env } });
  const set = await command(["set", "worker.max_vram_gb", "8"]);
  assert.deepEqual([set.code, set.stdout], [0, "worker.max_vram_gb = 8 (file)\n"], set.stderr);
  assert.equal(fs.readFileSync(file("alone"), "utf8"), "[worker]\nmax_vram_gb = 8\n");
  assert.equal(fs.statSync(file("alone")).mode & 0o777, 0o600);

  const own = "# mine\n[worker]\nmax_vram_gb = 8 # of 12\n\n[log]\nlevel = 'debug'\n";
  fs.writeFileSync(file("alone"), own);
  assert.match((await command(["set", "worker.cache_dir", "/tmp/x"])).stdout, /it counts when the worker starts again/);
  assert.equal((await command(["unset", "worker.cache_dir"])).code, 0);
  assert.equal(fs.readFileSync(file("alone"), "utf8"), own);

  const shown = JSON.parse((await command(["settings", "--json"], { GOGRID_WORKER_THREADS: "2" })).stdout);
  assert.equal(shown.file, file("alone"));
  assert.deepEqual([settingOf(shown, "worker.max_vram_gb").value, settingOf(shown, "worker.max_vram_gb").origin], [8, "file"]);
  assert.deepEqual([settingOf(shown, "worker.threads").value, settingOf(shown, "worker.threads").set_by], [2, "GOGRID_WORKER_THREADS"]);
  const people = (await command(["settings"])).stdout;
  assert.match(people, /^log\.level = "debug" \(file\)\n {4}How much is logged$/m);
  assert.match(people, /^coordinator\.port: not set \(default\)$/m);

  const bad: [string[], RegExp, NodeJS.ProcessEnv?][] = [
    [["set", "worker.threads", "5000"], /worker\.threads must be a whole number from 0 to 1024, not "5000"/],
    [["set", "worker.thread", "5"], /"worker\.thread" is not a setting/],
    [["set", "log.level", "loud"], /log\.level must be trace, debug, info, warning, error or off/],
    [["unset", "worker.name"], /worker\.name is set by GOGRID_WORKER_NAME, which wins over the file/, { GOGRID_WORKER_NAME: "x" }],
  ];
  for (const [args, says, env] of bad) {
    const refused = await command(args, env);
    assert.notEqual(refused.code, 0, args.join(" "));
    assert.match(refused.stderr, says);
    assert.equal(fs.readFileSync(file("alone"), "utf8"), own);
  }
});

test("while models run: a lower limit of GPU memory ends what is over it, and the model goes on beside the GPU", async () => {
  const worker = await grid.addWorker("lowered", ["--software-gpus", "1"], { XDG_CONFIG_HOME: path.join(home, "lowered") });
  await worker.replica("gogrid-sample");
  const before = await worker.status();
  assert.ok(replicaOf(before).device_bytes.Vulkan0 > 3_900_000, JSON.stringify(before));
  const set = await worker.command(["set", "worker.max_vram_gb", "0.002"]);
  assert.equal(set.code, 0, set.stderr);
  await eventually("the limit is told", async () => (await worker.status()).engine.devices[0].limit_bytes === 2_000_000);
  await eventually("nothing of ours is on the GPU", async () => {
    const status = await worker.status();
    return status.engine.devices[0].used_bytes === 0 && replicaOf(status)?.pid !== replicaOf(before).pid;
  });
  await eventually("it is ready again", async () => replicaOf(await worker.status())?.phase === "ready");
  const answer = await grid.api("POST", "/v1/completions", { model: "gogrid-sample", prompt: "once", max_tokens: 4 });
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await worker.command(["unset", "worker.max_vram_gb"])).code, 0);
  await eventually("there is no limit again", async () => {
    const [device] = (await worker.status()).engine.devices;
    return device.limit_bytes === device.total_bytes;
  });
  assert.equal(await worker.program.stop(), 0);
});

test("a broken file leaves a running worker as it was, and its log and status say what is wrong", async () => {
  const worker = await grid.addWorker("broken", [], { XDG_CONFIG_HOME: path.join(home, "broken") });
  await worker.replica("gogrid-sample");
  assert.equal((await worker.status()).config_error, null);
  fs.mkdirSync(path.dirname(file("broken")), { recursive: true });
  fs.writeFileSync(file("broken"), "[worker]\nmax_cache_gb = lots\n");
  await eventually("it says so", async () => /config\.toml:2/.test((await worker.status()).config_error ?? ""));
  await worker.program.saying(/the settings stay as they were, since their file is not good: .*config\.toml:2/);
  assert.match((await worker.command(["status"])).stdout, /settings +not as in their file, which is not good: .*config\.toml:2/);
  const answer = await grid.api("POST", "/v1/completions", { model: "gogrid-sample", prompt: "once", max_tokens: 4 });
  assert.equal(answer.status, 200, answer.text);

  fs.writeFileSync(file("broken"), "[worker]\nmax_cache_gb = 7\ncache_dir = '/tmp/elsewhere'\n");
  await eventually("it is good again", async () => (await worker.status()).cache.max_bytes === 7e9);
  const status = await worker.status();
  assert.equal(status.config_error, null);
  assert.deepEqual(status.restart_needed, ["worker.cache_dir"]);
  assert.match((await worker.command(["status"])).stdout, /settings +worker\.cache_dir counts when the worker starts again/);
  assert.equal(await worker.program.stop(), 0);
});

test("programs ask for them and change them over the control socket, and what is refused changes nothing", async () => {
  const worker = await grid.addWorker("asked", [], { XDG_CONFIG_HOME: path.join(home, "asked"), GOGRID_WORKER_THREADS: "2" });
  const control = Control.of(worker);
  const before = await control.result("settings.get");
  assert.equal(before.file, file("asked"));
  assert.equal(settingOf(before, "worker.threads").set_by, "GOGRID_WORKER_THREADS");
  assert.equal(settingOf(before, "worker.max_vram_gb").value, null);
  await control.result("status.subscribe");

  const wanted = { "worker.max_cache_gb": 7, "worker.max_vram_gb_each": ["Vulkan0=6"], "worker.cache_dir": "/tmp/elsewhere" };
  const checked = await control.result("settings.check", { values: wanted });
  assert.deepEqual([settingOf(checked, "worker.max_cache_gb").value, checked.restart_needed], [7, ["worker.cache_dir"]]);
  assert.ok(!fs.existsSync(file("asked")));
  const set = await control.result("settings.set", { values: wanted });
  assert.deepEqual(settingOf(set, "worker.max_vram_gb_each").value, ["Vulkan0=6"]);
  const status = await control.told("status.changed", (params) => params.cache.max_bytes === 7e9);
  assert.deepEqual(status.restart_needed, ["worker.cache_dir"]);
  const stored = fs.readFileSync(file("asked"), "utf8");
  await control.result("settings.set", { values: { "worker.cache_dir": null } });
  await control.told("status.changed", (params) => params.restart_needed.length === 0);
  await control.result("settings.set", { values: { "worker.cache_dir": "/tmp/elsewhere" } });

  const bad: [object, number, string, string | undefined][] = [
    [{ values: { "worker.lease_grace": "1m", "worker.max_cache_gb": -1 } }, -32602, "invalid_argument", "worker.max_cache_gb"],
    [{ values: { "worker.max_vram_gb_each": ["Vulkan0"] } }, -32602, "invalid_argument", "worker.max_vram_gb_each"],
    [{ values: { "worker.nothing": 1 } }, -32602, "not_found", "worker.nothing"],
    [{ values: { "log.level": {} } }, -32602, "invalid_argument", "log.level"],
    [{ values: { "worker.threads": 3 } }, -32000, "conflict", "worker.threads"],
    [{ values: 5 }, -32602, "invalid_argument", undefined],
    [{}, -32602, "invalid_argument", undefined],
  ];
  for (const method of ["settings.check", "settings.set"]) {
    for (const [params, code, name, key] of bad) {
      const { error } = await control.request(method, params);
      assert.deepEqual([error.code, error.data.code, error.data.key], [code, name, key], JSON.stringify(error));
    }
  }
  assert.deepEqual(fs.readFileSync(file("asked"), "utf8").split("\n").sort(), stored.split("\n").sort());

  // The command line has the worker do it: its own environment does not have the variable.
  const { GOGRID_WORKER_THREADS, ...env } = worker.env;
  const unset = await run(path.join(binDir, "gogrid-worker"), ["--state-dir", worker.stateDir, "unset", "worker.threads"], { env });
  assert.equal(unset.code, 1);
  assert.match(unset.stderr, /worker\.threads is set by GOGRID_WORKER_THREADS/);

  fs.writeFileSync(file("asked"), "[worker\n");
  const told = await control.told("status.changed", (params) => params.config_error !== null);
  assert.match(told.config_error, /config\.toml:1/);
  assert.match((await control.result("settings.get")).error, /config\.toml:1/);
  const { error } = await control.request("settings.set", { values: { "worker.max_cache_gb": 8 } });
  assert.match(error.message, /cannot be changed: it is not TOML: line 1/);
  control.close();
  assert.equal(await worker.program.stop(), 0);
});
