// The model library with real programs: models of several files, aliases, URLs, and the worker's cache.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { eventually, Grid, sampleModel } from "./support/grid.ts";
import { writeSplitModel, writeTinyAdapter, writeTinyModel } from "./support/tiny_gguf.ts";

let grid: Grid;
let served: string;
const server = http.createServer((request, response) => {
  const file = path.join(served, path.basename(new URL(request.url!, "http://x").pathname));
  if (!fs.existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  const bytes = fs.readFileSync(file);
  response.writeHead(200, { "content-length": bytes.length, etag: '"1"' }).end(bytes);
});
let origin = "";

const make = (name: string, write: (file: string) => void): string => {
  const file = path.join(grid.dir, name);
  write(file);
  return file;
};
/** What a model says, the likeliest words only. */
const say = async (model: string, prompt = "What is a worker?") => {
  const answer = await grid.api("POST", "/v1/chat/completions", {
    model,
    messages: [{ role: "user", content: prompt }],
    max_tokens: 16,
    temperature: 0,
    seed: 1,
  });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};
const words = async (model: string): Promise<string> => (await say(model)).choices[0].message.content;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  grid = await Grid.start(`[models]\nallowed_urls = ["${origin}/models/"]\n`);
  served = path.join(grid.dir, "served");
  fs.mkdirSync(served);
  await grid.addEngine();
  await grid.addWorker("worker-1");
});
after(() => {
  server.close();
  server.closeAllConnections();
});

test("a split model is uploaded as a directory and says what the whole one says", async () => {
  const options = { seed: 11, layers: 2 };
  await grid.addModel(make("whole.gguf", (file) => writeTinyModel(file, options)), "whole");
  const directory = path.join(grid.dir, "split");
  writeSplitModel(directory, "tiny", 3, options);
  const model = await grid.cliJson(["model", "add", directory]);
  assert.equal(model.name, "split");
  assert.deepEqual(model.files.map((file: any) => file.role), ["weights", "weights", "weights"]);
  for (const name of ["whole", "split"]) await grid.workers[0]!.replica(name);
  assert.equal(await words("split"), await words("whole"));
  fs.rmSync(path.join(directory, "tiny-00002-of-00003.gguf"));
  const missing = await grid.cli(["model", "add", directory]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /part 2 of 3 is missing/);
});

test("an adapter changes what a model says, as strongly as it is told to", async () => {
  const model = make("plain.gguf", (file) => writeTinyModel(file, { seed: 12 }));
  const adapter = make("style.gguf", (file) => writeTinyAdapter(file, 13));
  await grid.addModel(model, "plain");
  await grid.cliJson(["model", "add", model, "--name", "styled", "--lora", adapter]);
  const unscaled = await grid.cliJson(["model", "add", model, "--name", "unstyled", "--lora", `${adapter}:0`]);
  assert.equal(unscaled.files[1].scale, 0);
  for (const name of ["plain", "styled", "unstyled"]) await grid.workers[0]!.replica(name);
  const plain = await words("plain");
  assert.notEqual(await words("styled"), plain);
  assert.equal(await words("unstyled"), plain);
  for (const name of ["whole", "split", "plain", "unstyled"]) await grid.cliJson(["model", "rm", name, "--yes"]);
});

test("an alias is asked for like its model, and follows when it is pointed elsewhere", async () => {
  await grid.addModel(sampleModel, "sample");
  await grid.workers[0]!.replica("sample");
  await grid.cliJson(["model", "alias", "set", "fast", "sample"]);
  assert.equal(await words("fast"), await words("sample"));
  const listed = (await grid.openai().models.list()).data.map((model) => model.id);
  assert.ok(listed.includes("fast") && listed.includes("sample"), listed.join());
  await grid.cliJson(["model", "alias", "set", "fast", "styled"]);
  assert.equal(await words("fast"), await words("styled"));
  const circle = await grid.cli(["model", "alias", "set", "styled", "fast"]);
  assert.equal(circle.code, 1);
  const removed = await grid.cli(["model", "rm", "styled", "--yes"]);
  assert.equal(removed.code, 1);
  assert.match(removed.stderr, /the alias fast points at the model styled/);
  await grid.cliJson(["model", "alias", "rm", "fast"]);
  await grid.cliJson(["model", "rm", "styled", "--yes"]);
  assert.equal((await grid.api("POST", "/v1/chat/completions", { model: "fast", messages: [{ role: "user", content: "Hi" }] })).status, 404);
});

test("settings reach the engine: a chat template of one's own, and a quantized context", async () => {
  const before = (await say("sample")).usage.prompt_tokens as number;
  /** Nothing while the replica is started anew. */
  const tokens = async (): Promise<number | undefined> => {
    await grid.workers[0]!.replica("sample");
    const answer = await grid.api("POST", "/v1/chat/completions", {
      model: "sample",
      messages: [{ role: "user", content: "What is a worker?" }],
      max_tokens: 1,
    });
    return answer.status === 200 ? answer.json.usage.prompt_tokens : undefined;
  };
  const template = make("short.jinja", (file) => fs.writeFileSync(file, "{{ messages[-1].content[:1] }}"));
  await grid.cliJson(["model", "set", "sample", "--chat-template", template, "--kv-type", "q8_0", "--tag", "code"]);
  await eventually("the template is in force", async () => ((await tokens()) ?? before) < before);
  await grid.cliJson(["model", "set", "sample", "--own-template"]);
  await eventually("the model's own is back", async () => (await tokens()) === before);
  assert.deepEqual((await grid.cliJson(["model", "ls", "--tag", "code"])).data.map((model: any) => model.name), ["sample"]);
  assert.deepEqual((await grid.cliJson(["model", "ls", "--tag", "none"])).data, []);
});

test("a model comes from an allowed URL, and from no other", async () => {
  writeTinyModel(path.join(served, "web.gguf"), { seed: 21 });
  const bytes = fs.readFileSync(path.join(served, "web.gguf"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const model = await grid.cliJson(["model", "add", `${origin}/models/web.gguf`, "--sha256", sha256, "--tag", "web"]);
  assert.equal(model.name, "web");
  assert.equal(model.sha256, sha256);
  await grid.workers[0]!.replica("web");
  assert.ok((await words("web")).length > 0);
  const elsewhere = await grid.cli(["model", "add", `${origin}/other/web.gguf`, "--name", "other"]);
  assert.equal(elsewhere.code, 4);
  assert.match(elsewhere.stderr, /allowed_urls/);
  const missing = await grid.cli(["model", "add", `${origin}/models/none.gguf`]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /status 404/);
  assert.equal((await grid.cliJson(["upload", "ls"])).data[0].state, "failed");
  await grid.cliJson(["upload", "rm", "none"]);
  assert.deepEqual((await grid.cliJson(["upload", "ls"])).data, []);
});

test("labels are set on the coordinator and shown with the worker", async () => {
  const worker = await grid.cliJson(["worker", "label", "worker-1", "gpu=no", "site=attic"]);
  assert.deepEqual(worker.labels, { gpu: "no", site: "attic" });
  await grid.cliJson(["worker", "label", "worker-1", "--remove", "site"]);
  assert.deepEqual((await grid.cliJson(["worker", "ls"])).data[0].labels, { gpu: "no" });
  const acts = (await grid.api("GET", "/api/v1/audit")).json.data as any[];
  assert.ok(acts.some((act) => act.action === "worker.label"));
  // A model that asks for other labels leaves the worker, and comes back when it has them.
  await grid.cliJson(["model", "set", "web", "--label", "gpu=yes"]);
  await eventually("it is let go", async () =>
    !((await grid.workers[0]!.status()).replicas as any[]).some((replica) => replica.model_name === "web"));
  const refused = await grid.api("POST", "/v1/chat/completions", { model: "web", messages: [{ role: "user", content: "Hi" }] });
  assert.equal(refused.status, 503);
  assert.match(refused.json.error.message, /labels/);
  await grid.cliJson(["worker", "label", "worker-1", "gpu=yes"]);
  await grid.workers[0]!.replica("web");
});

test("a file damaged on the worker's disk is found at the next start and fetched again", async () => {
  const worker = grid.workers[0]!;
  const sha256 = (await grid.cliJson(["model", "show", "web"])).sha256 as string;
  await worker.program.stop();
  const blobs = (await fs.promises.readdir(worker.stateDir, { recursive: true })).filter((name) => path.basename(name) === sha256);
  assert.equal(blobs.length, 1);
  const blob = path.join(worker.stateDir, blobs[0]!);
  const bytes = fs.readFileSync(blob);
  const good = Buffer.from(bytes);
  bytes[bytes.length - 40]! ^= 1;
  fs.chmodSync(blob, 0o644);
  fs.writeFileSync(blob, bytes);
  await worker.start().saying(/damaged on the disk/);
  await worker.replica("web");
  assert.ok(fs.readFileSync(blob).equals(good));
});

test("the cache keeps to its quota: what was used least lately goes, never what runs", async () => {
  const big = (seed: number) => make(`big-${seed}.gguf`, (file) => writeTinyModel(file, { seed, width: 256, layers: 3 }));
  for (const name of ["sample", "web"]) await grid.cliJson(["model", "rm", name, "--yes"]);
  await grid.workers[0]!.program.stop();
  const size = fs.statSync(big(31)).size;
  // The engine bundle passes through it too.
  const quota = Math.max(2.5 * size, 15e6);
  assert.ok(3 * size > quota);
  const worker = await grid.addWorker("worker-2", ["--max-cache-gb", String(quota / 1e9)]);
  const cached = async (): Promise<string[]> =>
    (await fs.promises.readdir(worker.stateDir, { recursive: true })).map((name) => path.basename(name)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const shas: string[] = [];
  for (const seed of [31, 32]) {
    shas.push((await grid.cliJson(["model", "add", big(seed), "--name", `big-${seed}`])).sha256);
    await worker.replica(`big-${seed}`);
  }
  await grid.cliJson(["model", "rm", "big-31", "--yes"]);
  await eventually("it is let go", async () => (await worker.status()).replicas.length === 1);
  assert.ok((await cached()).includes(shas[0]!), "there is room for it");
  shas.push((await grid.cliJson(["model", "add", big(33), "--name", "big-33"])).sha256);
  await worker.replica("big-33");
  const names = await cached();
  assert.ok(!names.includes(shas[0]!) && names.includes(shas[1]!) && names.includes(shas[2]!), names.join());
  const { cache } = await worker.status();
  assert.ok(cache.used_bytes <= quota && Math.abs(cache.max_bytes - quota) <= 1, JSON.stringify(cache));
  assert.match((await worker.command(["status"])).stdout, /^cache +\d+\.\d MB of \d+\.\d MB in /m);
  // A third one does not fit: it waits and says why, and the others go on.
  await grid.cliJson(["model", "add", big(34), "--name", "big-34"]);
  const failed = await worker.replica("big-34", "failed");
  assert.match(failed.detail, /max_cache_gb/);
  assert.equal((await say("big-33")).model !== undefined, true);
  await grid.cliJson(["model", "rm", "big-32", "--yes"]);
  await worker.replica("big-34");
});
