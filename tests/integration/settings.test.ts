// The owner changes settings: from the command line, in an editor, with mistakes, and while models run.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { binDir, eventually, Grid, sampleModel } from "./support/grid.ts";
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
