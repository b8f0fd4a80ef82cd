// What a machine has: Mesa's software Vulkan as a real device, a test library in place of NVIDIA's driver, and the way of it all from
// the worker to the operator.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { before, test } from "node:test";
import * as fs from "node:fs";
import * as path from "node:path";
import * as readline from "node:readline";
import { Control } from "./support/control.ts";
import { binDir, eventually, Grid } from "./support/grid.ts";
import { descendants, procText, run } from "./support/process.ts";

const icds = "/usr/share/vulkan/icd.d";
const lavapipe = fs.readdirSync(icds).find((name) => name.startsWith("lvp_icd"));
const gogridWorker = path.join(binDir, "gogrid-worker");

// Only the drivers that a test names.
const software = { VK_ICD_FILENAMES: path.join(icds, lavapipe!) };
const noVulkan = { VK_ICD_FILENAMES: "/nonexistent.json" };
const nvidia = (mode = "") => ({ LD_LIBRARY_PATH: path.join(binDir, "test_nvml/new"), TEST_NVML: mode, ...noVulkan });

async function gpus(env: NodeJS.ProcessEnv, args: string[] = []): Promise<any> {
  const result = await run(gogridWorker, ["gpus", "--json", ...args], { env: { PATH: process.env.PATH, HOME: "/tmp", ...env } });
  assert.equal(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
}

/** The processes of `pid` that look at the hardware. */
function probes(pid: number): number[] {
  return descendants(pid).filter((child) => procText(child, "cmdline").includes("probe-hardware"));
}

let grid: Grid;
before(async () => {
  grid = await Grid.start();
});

test("Mesa's software device is found through Vulkan, and said to be software", async () => {
  const seen = await gpus(software);
  assert.equal(seen.gpus.length, 1, JSON.stringify(seen));
  const [gpu] = seen.gpus;
  assert.equal(gpu.software, true);
  assert.match(gpu.name, /llvmpipe/);
  assert.match(gpu.id, /^vulkan:[0-9a-f]+$/);
  assert.ok(gpu.total_bytes > 0);
  assert.ok(seen.host.memory_bytes > 0 && seen.host.disk_bytes > 0);
  const people = await run(gogridWorker, ["gpus"], { env: { PATH: process.env.PATH, HOME: "/tmp", ...software } });
  assert.match(people.stdout, /llvmpipe.*software/);
});

test("where there is none it says where it looked", async () => {
  const people = await run(gogridWorker, ["gpus"], { env: { PATH: process.env.PATH, HOME: "/tmp", ...noVulkan } });
  assert.equal(people.code, 0);
  assert.match(people.stdout, /no GPU found/);
  assert.match(people.stdout, /NVML \(libnvidia-ml\.so\.1 not found\)/);
  assert.match(people.stdout, /\/sys \(.*no GPU\)/);
  assert.match(people.stdout, /Vulkan \(no driver found\)/);
});

test("NVIDIA's library tells of its GPUs, and a driver that crashes costs only that", async () => {
  const seen = await gpus(nvidia());
  assert.deepEqual(seen.gpus.map((gpu: any) => gpu.id), ["pci:0000:01:00.0", "pci:0010:c1:00.0"]);
  assert.equal(seen.gpus[0].used_bytes, 3 * 2 ** 30);
  assert.equal(seen.gpus[0].power_watts, 180.5);
  // The one process that surely runs is the one that looks: a worker's.
  const own = seen.gpus[0].processes.find((process: any) => process.bytes !== null);
  assert.deepEqual([own.name, own.ours], ["gogrid-worker", true]);
  const without = await gpus(nvidia("no-driver"));
  assert.equal(without.gpus.length, 0);
  assert.ok(without.looked_at.includes("NVML (Driver Not Loaded)"), JSON.stringify(without));
  const crashed = await gpus(nvidia("crash"));
  assert.match(crashed.looked_at.join(), /^\/sys .*NVML \(its driver was killed by signal 6/);
  assert.ok(crashed.host.memory_bytes > 0);
});

test("the files of another machine can be looked at", async () => {
  const root = path.join(grid.dir, "recorded");
  const device = path.join(root, "sys/bus/pci/devices/0000:03:00.0");
  fs.mkdirSync(device, { recursive: true });
  const facts = { vendor: "0x1002", device: "0x744c", class: "0x030000", mem_info_vram_total: "25753026560", mem_info_vram_used: "1288490188" };
  for (const [name, text] of Object.entries(facts)) fs.writeFileSync(path.join(device, name), text + "\n");
  fs.symlinkSync("../../../../bus/pci/drivers/amdgpu", path.join(device, "driver"));
  const seen = await gpus(nvidia(), ["--root", root]);
  assert.deepEqual(seen.gpus.map((gpu: any) => [gpu.id, gpu.vendor, gpu.total_bytes]), [["pci:0000:03:00.0", "AMD", 25753026560]]);
});

test("watched, it tells again and again until it is stopped", async () => {
  const watch = spawn(gogridWorker, ["gpus", "--watch", "--json"], {
    env: { PATH: process.env.PATH, HOME: grid.dir, ...nvidia() },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(watch, "close");
  const lines = readline.createInterface({ input: watch.stdout })[Symbol.asyncIterator]();
  for (let n = 0; n < 2; n++) assert.equal(JSON.parse((await lines.next()).value).gpus.length, 2);
  const [child] = probes(watch.pid!);
  assert.ok(child, "a child of its own looks");
  watch.kill("SIGINT");
  assert.deepEqual(await ended, [0, null]);
  assert.ok(!fs.existsSync(`/proc/${child}`), "which ends with it");
});

test("the operator sees the worker's software device", async () => {
  const worker = await grid.addWorker("soft", [], software);
  const shown = await eventually("its GPU is known", async () => {
    const seen = await grid.cliJson(["worker", "show", "soft"]);
    return seen.hardware?.gpus?.length === 1 && seen;
  });
  assert.equal(shown.hardware.gpus[0].software, true);
  assert.match(shown.hardware.gpus[0].name, /llvmpipe/);
  assert.ok(shown.hardware.disk_bytes > 0);
  const people = await grid.cli(["worker", "show", "soft"]);
  assert.match(people.stdout, /llvmpipe/);
  assert.match(people.stdout, /software, on the CPU/);
  assert.match(people.stdout, /Disk:.*free/);
  await worker.program.stop();
});

test("live figures come while the operator looks; then the worker lets its GPUs sleep", async () => {
  const worker = await grid.addWorker("geforce", [], nvidia());
  await eventually("the worker has looked once", async () => (await worker.seen()).hardware?.gpus.length === 2);
  await eventually("and nothing of it is left", async () => probes(worker.program.pid).length === 0);
  assert.equal((await worker.seen()).readings, null, "a list asks no worker");
  assert.deepEqual(probes(worker.program.pid), []);

  const shown = await grid.cliJson(["worker", "show", "geforce"]);
  const [gpu] = shown.readings.gpus;
  assert.deepEqual([gpu.id, gpu.utilisation_percent, gpu.temperature_celsius, gpu.power_watts], ["pci:0000:01:00.0", 37, 61, 180.5]);
  assert.equal(gpu.foreign_processes, 1, "the library's own process is a worker's");
  assert.equal(JSON.stringify(shown).includes("processes\":["), false, "names of the owner's programs stay there");
  assert.ok(shown.readings.memory_available_bytes > 0 && shown.readings.disk_free_bytes > 0);
  assert.equal(probes(worker.program.pid).length, 1);
  const people = await grid.cli(["worker", "show", "geforce"]);
  assert.match(people.stdout, /NVIDIA GeForce RTX 4090 .*37 %, 61 °C, 180 W/);
  assert.doesNotMatch(people.stdout, /\x1b/, "what a driver calls a GPU steers no terminal");
  await eventually("nobody looks any more", async () => probes(worker.program.pid).length === 0, 30);
  await worker.program.stop();
});

test("the owner's programs are told live figures while they listen, beside the operator", async () => {
  const worker = await grid.addWorker("owned", [], nvidia());
  await eventually("the worker has looked once", async () => (await worker.seen()).hardware?.gpus.length === 2);
  await eventually("and nothing of it is left", async () => probes(worker.program.pid).length === 0);
  const [one, other] = [Control.of(worker), Control.of(worker)];
  assert.equal((await one.result("hardware.subscribe")).gpus[0].id, "pci:0000:01:00.0");
  await other.result("hardware.subscribe");
  const hasFigures = (survey: any) => survey.gpus[0].utilisation_percent === 37;
  await Promise.all([one.told("hardware.reading", hasFigures), other.told("hardware.reading", hasFigures)]);
  assert.equal(probes(worker.program.pid).length, 1, "one child looks for all");
  one.close();
  const again = await other.told("hardware.reading", () => true);
  assert.ok(again.host.memory_available_bytes > 0);
  other.close();
  await eventually("nobody looks any more", async () => probes(worker.program.pid).length === 0);
  await worker.program.stop();
});

test("a driver that hangs costs the worker nothing but what it would have said", async () => {
  const worker = await grid.addWorker("hung", [], nvidia("hang"));
  await eventually("it looks", async () => probes(worker.program.pid).length === 1);
  assert.equal((await worker.status()).coordinator.connected, true);
  const shown = await grid.cliJson(["worker", "show", "hung"]);
  assert.equal(shown.readings, null);
  const [child] = probes(worker.program.pid);
  assert.equal(await worker.program.stop(), 0);
  assert.ok(!fs.existsSync(`/proc/${child}`), "it is not left behind");
});
