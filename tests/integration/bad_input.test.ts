// What a careless or hostile client sends gets a clear error in OpenAI's form, and disturbs nobody.
import assert from "node:assert/strict";
import * as net from "node:net";
import * as tls from "node:tls";
import { once } from "node:events";
import * as path from "node:path";
import { before, test } from "node:test";
import { binDir, Grid } from "./support/grid.ts";
import { run } from "./support/process.ts";

let grid: Grid;
const chat = "/v1/chat/completions";

before(async () => {
  grid = await Grid.start('[limits]\nmax_body_bytes = 65536\nheader_timeout = "500ms"\nbody_timeout = "500ms"\n');
});

const message = [{ role: "user", content: "hi" }];
const rows: { name: string; body: unknown; status: number; code?: string; param?: string; words: RegExp }[] = [
  { name: "not JSON", body: "{", status: 400, code: "invalid_json", words: /JSON/ },
  { name: "not an object", body: "[1]", status: 400, words: /object/ },
  { name: "no model", body: { messages: message }, status: 400, param: "model", words: /model/ },
  { name: "model is a number", body: { model: 3, messages: message }, status: 400, param: "model", words: /string/ },
  { name: "messages is text", body: { model: "m", messages: "hi" }, status: 400, param: "messages", words: /array/ },
  { name: "stream is text", body: { model: "m", messages: message, stream: "yes" }, status: 400, param: "stream", words: /boolean/ },
  { name: "temperature is text", body: { model: "m", messages: message, temperature: "hot" }, status: 400, param: "temperature", words: /number/ },
  { name: "no such model", body: { model: "m", messages: message }, status: 404, code: "model_not_found", words: /\bm\b/ },
  { name: "nesting without end", body: "[".repeat(60_000), status: 400, words: /./ },
  { name: "a body over the limit", body: "x".repeat(70_000), status: 413, words: /65536/ },
];
for (const row of rows) {
  test(`${row.name} is ${row.status}`, async () => {
    const answer = await grid.api("POST", chat, row.body);
    assert.equal(answer.status, row.status, answer.text);
    assert.match(answer.json.error.message, row.words);
    assert.equal(typeof answer.json.error.type, "string");
    if (row.code) assert.equal(answer.json.error.code, row.code);
    if (row.param) assert.equal(answer.json.error.param, row.param);
  });
}

test("a model without a worker is 503 with Retry-After and a reason for a person", async () => {
  const { writeTinyModel } = await import("./support/tiny_gguf.ts");
  const file = `${grid.dir}/tiny.gguf`;
  writeTinyModel(file, { seed: 3 });
  await grid.addModel(file, "lonely");
  const answer = await grid.api("POST", chat, { model: "lonely", messages: message });
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers["retry-after"]) >= 1);
  assert.match(answer.json.error.message, /no worker/i);
});

test("keys: none and wrong are 401, the wrong scope is 403, revoked and expired are 401", async () => {
  assert.equal((await grid.api("GET", "/v1/models", undefined, { key: null })).status, 401);
  assert.equal((await grid.api("GET", "/v1/models", undefined, { key: "nonsense" })).status, 401);
  const key = (await grid.api("POST", "/api/v1/keys", { name: "user", scopes: ["inference"] })).json;
  assert.equal((await grid.api("GET", "/v1/models", undefined, { key: key.key })).status, 200);
  assert.equal((await grid.api("GET", "/api/v1/workers", undefined, { key: key.key })).status, 403);
  const tampered = key.key.slice(0, -2) + (key.key.endsWith("AA") ? "BB" : "AA");
  assert.equal((await grid.api("GET", "/v1/models", undefined, { key: tampered })).status, 401);
  assert.equal((await grid.api("DELETE", `/api/v1/keys/${key.id}`)).status, 204);
  assert.equal((await grid.api("GET", "/v1/models", undefined, { key: key.key })).status, 401);
  const short = (await grid.api("POST", "/api/v1/keys", { name: "short", scopes: ["inference"], expires_in_seconds: 0 })).json;
  if (short.key) assert.equal((await grid.api("GET", "/v1/models", undefined, { key: short.key })).status, 401);
});

/** Opens a TLS connection, sends `text`, and returns all that comes back until the server closes. */
async function raw(text: string): Promise<string> {
  const socket = tls.connect({ host: "127.0.0.1", port: grid.port, ca: grid.ca });
  let answer = "";
  socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  socket.write(text);
  await once(socket, "close");
  return answer;
}

test("a head that does not end is 408 and the connection is closed", async () => {
  const answer = await raw("GET /v1/models HTTP/1.1\r\nHost: x\r\n");
  assert.match(answer, /^HTTP\/1.1 408 /);
  const id = answer.match(/x-request-id: (req_\w+)/)![1]!;
  await grid.coordinator.saying(new RegExp(id));
});

test("a body that does not come is 408 and the connection is closed", async () => {
  const head = `POST ${chat} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${grid.adminKey}\r\nContent-Length: 100\r\n\r\n{`;
  assert.match(await raw(head), /^HTTP\/1.1 408 /);
});

test("two lengths for one body are refused: nothing can be smuggled", async () => {
  const head = `POST ${chat} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
  assert.match(await raw(head), /^HTTP\/1.1 400 /);
});

test("plain HTTP, garbage and a silent client on the port disturb nobody", async () => {
  for (const text of ["GET / HTTP/1.1\r\n\r\n", "\x00\xff\x16\x03\x01\xff\xff", ""]) {
    const socket = net.connect(grid.port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(text);
    socket.destroySoon();
  }
  assert.equal((await grid.api("GET", "/healthz")).status, 200);
});

test("unknown paths are 404 and wrong methods 405, in the same form", async () => {
  assert.equal((await grid.api("GET", "/v1/nothing")).json.error.type, "invalid_request_error");
  const answer = await grid.api("DELETE", chat);
  assert.equal(answer.status, 405);
  assert.match(answer.headers.allow!, /POST/);
});

test("gogrid-coordinator: wrong usage is 2 and one line, what fails is 1", async () => {
  const coordinator = (...args: string[]) => run(path.join(binDir, "gogrid-coordinator"), args, { env: grid.env });
  for (const args of [[], ["no-such-command"], ["serve", "--nonsense"], ["key", "create", "--scope", "root"]]) {
    const result = await coordinator(...args);
    assert.equal(result.code, 2, `${args.join(" ")}: ${result.stderr}`);
    assert.match(result.stderr, /^gogrid-coordinator: .+\n$/);
  }
  const running = await coordinator("key", "create", "--data-dir", grid.dataDir);
  assert.equal(running.code, 1);
  assert.match(running.stderr, /another gogrid-coordinator/);
  assert.equal((await coordinator("--help")).code, 0);

  const dir = path.join(grid.dir, "second");
  assert.equal((await coordinator("init", "--data-dir", dir, "--name", "foo bar")).code, 1);
  const init = await coordinator("init", "--json", "--data-dir", dir, "--name", "a.example,10.0.0.1", "--name", "b.example");
  assert.equal(init.code, 0, init.stderr);
  const made = await coordinator("key", "create", "--json", "--data-dir", dir, "--scope", "admin");
  assert.match(JSON.parse(made.stdout).key, /^gg_/);
});
