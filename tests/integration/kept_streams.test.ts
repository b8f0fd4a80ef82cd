// A stream outlives its client's connection, when the client asked for that: it comes back with the last event that it has and gets
// the rest, for as long as it said and not for others.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { request } from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";
import { eventually, Grid } from "./support/grid.ts";

const model = "gogrid-sample";
const body = { model, messages: [{ role: "user", content: "What is GoGrid?" }], temperature: 0, max_tokens: 1200, ignore_eos: true, stream: true };
let grid: Grid;

before(async () => {
  grid = await Grid.withWorkers(1);
});

interface Reading {
  stream: string | undefined;
  ids: number[];
  text: string;
  ended: boolean;
}

/** Reads events until there are `count`, then drops the connection; or to the end. */
async function read(method: string, target: string, headers: Record<string, string>, count = Infinity, key = grid.adminKey): Promise<Reading> {
  const [sent, response] = await new Promise<[ClientRequest, IncomingMessage]>((resolve, reject) => {
    const all = { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers };
    const sent: ClientRequest = request(`${grid.url}${target}`, { method, headers: all, ca: grid.ca, agent: false }, (response) => resolve([sent, response]));
    sent.on("error", reject);
    sent.end(method === "POST" ? JSON.stringify(body) : undefined);
  });
  const reading: Reading = { stream: response.headers["x-gogrid-stream"] as string | undefined, ids: [], text: "", ended: false };
  let held = "";
  for await (const part of response.setEncoding("utf8")) {
    held += part;
    for (let end = held.indexOf("\n\n"); end >= 0; end = held.indexOf("\n\n")) {
      const event = held.slice(0, end);
      held = held.slice(end + 2);
      const id = /^id: (\d+)$/m.exec(event)?.[1];
      if (id !== undefined) reading.ids.push(Number(id));
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data === "[DONE]") reading.ended = true;
      else if (data !== undefined) reading.text += JSON.parse(data)?.choices?.[0]?.delta?.content ?? "";
      if (reading.ids.length === count) {
        sent.destroy();
        return reading;
      }
    }
  }
  return reading;
}

const running = async () => (await grid.workers[0]!.status()).requests.running as number;

test("dropped and resumed, a stream has every event once", async () => {
  const whole = await read("POST", "/v1/chat/completions", {});
  assert.equal(whole.stream, undefined);
  assert.equal(whole.ids.length, 0);
  const first = await read("POST", "/v1/chat/completions", { "x-gogrid-resume": "30" }, 20);
  assert.ok(first.stream);
  const second = await read("GET", `/v1/streams/${first.stream}`, { "last-event-id": String(first.ids.at(-1)) }, 50);
  const third = await read("GET", `/v1/streams/${first.stream}`, { "last-event-id": String(second.ids.at(-1)) });
  assert.ok(third.ended);
  assert.equal(first.text + second.text + third.text, whole.text);
  assert.deepEqual([...first.ids, ...second.ids, ...third.ids], Array.from({ length: third.ids.at(-1)! }, (_, index) => index + 1));
  // Its end is kept too: the client may have lost it on the way.
  const again = await read("GET", `/v1/streams/${first.stream}`, {});
  assert.equal(again.text, whole.text);
});

test("a stream is its own key's", async () => {
  const first = await read("POST", "/v1/chat/completions", { "x-gogrid-resume": "30" }, 5);
  const other = (await grid.api("POST", "/api/v1/keys", { name: "other", scopes: ["inference"] })).json.key as string;
  assert.equal((await grid.api("GET", `/v1/streams/${first.stream}`, undefined, { key: other })).status, 404);
  assert.equal((await grid.api("GET", `/v1/streams/${first.stream}`, undefined, { key: null })).status, 401);
  const bad = await grid.api("GET", `/v1/streams/${first.stream}`, undefined, { headers: { "last-event-id": "x" } });
  assert.equal(bad.status, 400);
});

test("nobody comes back: the slot is free after the time, and the stream is gone", async () => {
  const first = await read("POST", "/v1/chat/completions", { "x-gogrid-resume": "1" }, 5);
  await eventually("the worker runs nothing", async () => (await running()) === 0);
  await eventually("the stream is gone", async () => (await grid.api("GET", `/v1/streams/${first.stream}`)).status === 404);
});

test("one that its client has whole goes after the time, however often it is asked for", async () => {
  const whole = await read("POST", "/v1/chat/completions", { "x-gogrid-resume": "1" });
  assert.ok(whole.ended);
  assert.equal((await read("GET", `/v1/streams/${whole.stream}`, {})).text, whole.text);
  await eventually("the stream is gone", async () => (await grid.api("GET", `/v1/streams/${whole.stream}`)).status === 404);
});

test("an error is answered as ever", async () => {
  const answer = await grid.api("POST", "/v1/chat/completions", { ...body, model: "no-such" }, { headers: { "x-gogrid-resume": "5" } });
  assert.equal(answer.status, 404);
  assert.equal(answer.json.error.code, "model_not_found");
});
