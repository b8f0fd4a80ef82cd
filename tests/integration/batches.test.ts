// Files and batches as the `openai` package from npm uses them, unmodified, against a coordinator with one worker.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import OpenAI, { toFile } from "openai";
import { Webhook } from "standardwebhooks";
import { eventually, Grid, sampleModel } from "./support/grid.ts";

let grid: Grid;
let client: OpenAI;
// Without a worker, so that nothing ends there by itself.
let idle: OpenAI;
let expiring: OpenAI.Batch;
const model = "gogrid-sample";

interface Line {
  id: string;
  custom_id: string;
  response: { status_code: number; request_id: string; body: OpenAI.ChatCompletion } | null;
  error: { code: string; message: string } | null;
  line?: number;
}

function line(id: string, body: object = {}, url = "/v1/chat/completions"): string {
  const request = { model, messages: [{ role: "user", content: "What is GoGrid?" }], max_tokens: 8, temperature: 0, ...body };
  return JSON.stringify({ custom_id: id, method: "POST", url, body: request }) + "\n";
}

const upload = (text: string, to = client) =>
  toFile(Buffer.from(text), "lines.jsonl").then((file) => to.files.create({ file, purpose: "batch" }));

async function create(text: string, window = "24h", at = client): Promise<OpenAI.Batch> {
  const input = await upload(text, at);
  return at.batches.create({
    input_file_id: input.id,
    endpoint: "/v1/chat/completions",
    completion_window: window as "24h",
    metadata: { purpose: "test" },
  });
}

const ended = (id: string, at = client) =>
  eventually(
    `batch ${id} has ended`,
    async () => {
      const batch = await at.batches.retrieve(id);
      return ["completed", "failed", "expired", "cancelled"].includes(batch.status) && batch;
    },
    120,
  );

async function lines(file: string | null | undefined, at = client): Promise<Line[]> {
  if (!file) return [];
  const text = await (await at.files.content(file)).text();
  return text.split("\n").filter(Boolean).map((one) => JSON.parse(one) as Line);
}

before(async () => {
  const lonely = await Grid.start();
  await lonely.addModel(sampleModel, model);
  idle = lonely.openai();
  // A minute is the shortest window.
  expiring = await create(line("a") + line("b"), "1m", idle);
  grid = await Grid.withWorkers(1, '\n[jobs]\nwebhook_private_addresses = true\n');
  client = grid.openai();
});

test("files are uploaded, listed, shown, read back and deleted", async () => {
  const text = line("a") + "ü€😀\r\n--\r\n" + "x".repeat(300_000);
  const file = await upload(text);
  assert.match(file.id, /^file-[0-9a-f]{16}$/);
  assert.equal(file.object, "file");
  assert.equal(file.bytes, Buffer.byteLength(text));
  assert.equal(file.filename, "lines.jsonl");
  assert.equal(file.purpose, "batch");
  assert.equal(file.status, "processed");
  assert.deepEqual(await client.files.retrieve(file.id), file);
  assert.equal(await (await client.files.content(file.id)).text(), text);
  const more = [await upload("1"), await upload("2"), await upload("3")];
  const listed: string[] = [];
  for await (const one of client.files.list({ purpose: "batch", limit: 2 })) listed.push(one.id);
  assert.deepEqual(listed.slice(0, 4), [...more.map(({ id }) => id).reverse(), file.id]);
  const oldest: string[] = [];
  for await (const one of client.files.list({ order: "asc", limit: 2, after: file.id })) oldest.push(one.id);
  assert.deepEqual(oldest, more.map(({ id }) => id));
  assert.deepEqual(await client.files.delete(file.id), { id: file.id, object: "file", deleted: true });
  await assert.rejects(client.files.retrieve(file.id), OpenAI.NotFoundError);
  await assert.rejects(client.files.content(file.id), OpenAI.NotFoundError);
  assert.equal(fs.existsSync(path.join(grid.dataDir, "files", file.id)), false);
});

test("a file may expire, and one that cannot be taken says why", async () => {
  const expiring = await client.files.create({
    file: await toFile(Buffer.from("x"), "x.jsonl"),
    purpose: "batch",
    expires_after: { anchor: "created_at", seconds: 3600 },
  });
  assert.equal(expiring.expires_at, expiring.created_at + 3600);
  await assert.rejects(
    client.files.create({ file: await toFile(Buffer.from("x"), "x"), purpose: "vision" }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "purpose",
  );
  const answer = await grid.api("POST", "/v1/files", "{}");
  assert.equal(answer.status, 415, answer.text);
});

test("what is somebody else's is not there", async () => {
  const other = grid.openai((await grid.api("POST", "/api/v1/keys", { name: "other" })).json.key);
  const file = await upload(line("a"));
  await assert.rejects(other.files.retrieve(file.id), OpenAI.NotFoundError);
  await assert.rejects(other.files.content(file.id), OpenAI.NotFoundError);
  await assert.rejects(other.files.delete(file.id), OpenAI.NotFoundError);
  await assert.rejects(
    other.batches.create({ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" }),
    OpenAI.NotFoundError,
  );
  assert.deepEqual((await other.files.list()).data, []);
  const batch = await create(line("a"));
  await assert.rejects(other.batches.retrieve(batch.id), OpenAI.NotFoundError);
  await assert.rejects(other.batches.cancel(batch.id), OpenAI.NotFoundError);
  assert.deepEqual((await other.batches.list()).data, []);
  // An admin key sees what is others'.
  const theirs = await upload(line("a"), other);
  assert.equal((await client.files.retrieve(theirs.id)).id, theirs.id);
  await ended(batch.id);
});

test("a batch runs its good lines and reports the bad ones", async () => {
  const ids = Array.from({ length: 12 }, (_, n) => `request-${n}`);
  const bad = [
    "nonsense\n",
    line("request-0"),
    line("unknown", { model: "no-such-model" }),
    line("streamed", { stream: true }),
    line("wrong-url", {}, "/v1/completions"),
    line("bad-body", { messages: "hello" }),
  ];
  const created = await create(ids.map((id) => line(id)).join("") + bad.join(""));
  assert.equal(created.object, "batch");
  assert.match(created.id, /^batch_/);
  assert.equal(created.expires_at, created.created_at + 24 * 3600);
  assert.deepEqual(created.metadata, { purpose: "test" });
  const batch = await ended(created.id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.request_counts, { total: 18, completed: 12, failed: 6 });
  const output = await lines(batch.output_file_id);
  assert.deepEqual(output.map((one) => one.custom_id), ids);
  for (const one of output) {
    assert.equal(one.response!.status_code, 200);
    assert.equal(one.error, null);
    assert.ok(one.response!.body.choices[0]!.message.content!.length > 0);
  }
  const errors = await lines(batch.error_file_id);
  assert.deepEqual(
    errors.map((one) => [one.line, one.error!.code]),
    [
      [13, "invalid_json"],
      [14, "duplicate_custom_id"],
      [15, "model_not_found"],
      [16, "invalid_value"],
      [17, "invalid_value"],
      [18, "invalid_type"],
    ],
  );
  const listed = await client.batches.list({ limit: 1 });
  assert.equal(listed.data[0]!.id, batch.id);
  assert.ok(listed.hasNextPage());
});

test("a batch without a usable line fails and says why", async () => {
  const created = await create("nonsense\n" + line("a", { model: "no-such-model" }));
  const batch = await ended(created.id);
  assert.equal(batch.status, "failed");
  assert.deepEqual(
    batch.errors!.data!.map(({ code, line: number }) => [code, number]),
    [["invalid_json", 1], ["model_not_found", 2]],
  );
});

test("wrong fields are named", async () => {
  const input = await upload(line("a"));
  const rows: [object, string][] = [
    [{ endpoint: "/v1/nothing" }, "endpoint"],
    [{ completion_window: "31d" }, "completion_window"],
    [{ completion_window: "soon" }, "completion_window"],
    [{ metadata: { a: 1 } }, "metadata"],
    [{ priority: 101 }, "priority"],
    [{ wrong: 1 }, "wrong"],
  ];
  for (const [fields, param] of rows) {
    const body = { input_file_id: input.id, endpoint: "/v1/chat/completions", completion_window: "24h", ...fields };
    const answer = await grid.api("POST", "/v1/batches", body);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.error.param, param);
  }
});

// So that nothing ends before the test has done what it is about.
const endless = { max_tokens: 100, ignore_eos: true };

test("a batch is cancelled with what it has", async () => {
  const created = await create(Array.from({ length: 60 }, (_, n) => line(`r${n}`, endless)).join(""));
  await eventually("something is done", async () => (await client.batches.retrieve(created.id)).request_counts!.completed > 0);
  await assert.rejects(client.files.delete(created.input_file_id), OpenAI.ConflictError);
  const cancelling = await client.batches.cancel(created.id);
  assert.match(cancelling.status, /^cancell/);
  const batch = await ended(created.id);
  assert.equal(batch.status, "cancelled");
  const output = await lines(batch.output_file_id);
  const errors = await lines(batch.error_file_id);
  assert.ok(output.length > 0 && errors.length > 0);
  assert.equal(output.length + errors.length, 60);
  assert.ok(errors.every(({ error }) => error!.code === "batch_cancelled"));
  await assert.rejects(client.batches.cancel((await ended((await create(line("a"))).id)).id), OpenAI.ConflictError);
});

test("a batch goes on after the coordinator was killed in the middle, again and again", async () => {
  const ids = Array.from({ length: 30 }, (_, n) => `r${n}`);
  const created = await create(ids.map((id) => line(id, { max_tokens: 40, ignore_eos: true })).join(""));
  for (let done = 0; done < 3; done++) {
    await eventually("it goes on", async () => (await client.batches.retrieve(created.id)).request_counts!.completed > done * 8);
    grid.coordinator.killNow();
    await grid.coordinator.exited;
    await grid.startCoordinator();
  }
  const batch = await ended(created.id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.request_counts, { total: 30, completed: 30, failed: 0 });
  assert.deepEqual((await lines(batch.output_file_id)).map((one) => one.custom_id), ids);
  const left = fs.readdirSync(path.join(grid.dataDir, "files")).filter((name) => name.endsWith(".part"));
  assert.deepEqual(left, []);
});

test("a webhook tells of a job's end, signed as receivers verify it, and again when it was not taken", async () => {
  const key = (await grid.api("POST", "/api/v1/keys", { name: "hooks" })).json;
  const { secret } = (await grid.api("GET", `/api/v1/keys/${key.id}/webhook-secret`, undefined, { key: key.key })).json;
  const stranger = (await grid.api("POST", "/api/v1/keys", { name: "stranger" })).json.key;
  assert.equal((await grid.api("GET", `/api/v1/keys/${key.id}/webhook-secret`, undefined, { key: stranger })).status, 404);
  const received: { headers: Record<string, string>; body: string }[] = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      received.push({ headers: request.headers as Record<string, string>, body });
      response.writeHead(received.length === 1 ? 503 : 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const webhook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const request = { model, messages: [{ role: "user", content: "hi" }], max_tokens: 4 };
  const job = await grid.api("POST", "/api/v1/jobs", { request, webhook }, { key: key.key });
  assert.equal(job.status, 201, job.text);
  await eventually("it was sent twice", async () => received.length === 2);
  server.close();
  for (const { headers, body } of received) {
    const event = new Webhook(secret).verify(body, headers) as any;
    assert.equal(event.type, "job.succeeded");
    assert.equal(event.data.id, job.json.id);
  }
  assert.equal(received[0]!.headers["webhook-id"], received[1]!.headers["webhook-id"]);
});

test("a batch whose window ends is expired", async () => {
  const batch = await ended(expiring.id, idle);
  assert.equal(batch.status, "expired");
  assert.equal(batch.expires_at, batch.created_at + 60);
  assert.equal(batch.output_file_id, null);
  assert.deepEqual((await lines(batch.error_file_id, idle)).map(({ custom_id, error }) => [custom_id, error!.code]), [
    ["a", "batch_expired"],
    ["b", "batch_expired"],
  ]);
});
