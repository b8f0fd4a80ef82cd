// What keys may and what they use, as clients meet it: rate limits through the `openai` package, lists of models, usage that adds up
// to what the engine said, and the audit log of all of it.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as path from "node:path";
import OpenAI from "openai";
import { Grid } from "./support/grid.ts";
import { writeTinyModel } from "./support/tiny_gguf.ts";

let grid: Grid;
const model = "gogrid-sample";
const messages = [{ role: "user" as const, content: "What is GoGrid?" }];

interface Key {
  id: string;
  key: string;
}

async function createKey(body: object): Promise<Key> {
  const answer = await grid.api("POST", "/api/v1/keys", body);
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
}

before(async () => {
  grid = await Grid.withWorkers(1);
});

test("a key's requests are counted down in OpenAI's headers, and then refused as OpenAI does", async () => {
  const { key } = await createKey({ name: "limited", requests_per_minute: 2, tokens_per_minute: 100_000 });
  const client = grid.openai(key);
  const ask = () => client.chat.completions.create({ model, messages, max_tokens: 4, temperature: 0 }).withResponse();
  const first = (await ask()).response.headers;
  assert.equal(first.get("x-ratelimit-limit-requests"), "2");
  assert.equal(first.get("x-ratelimit-remaining-requests"), "1");
  assert.match(first.get("x-ratelimit-reset-requests")!, /^(\d+h)?(\d+m)?\d+(s|ms)$/);
  assert.equal(first.get("x-ratelimit-limit-tokens"), "100000");
  assert.ok(Number(first.get("x-ratelimit-remaining-tokens")) < 100_000);
  await ask();
  await assert.rejects(ask(), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.code, "rate_limit_exceeded");
    assert.equal(error.headers.get("x-ratelimit-remaining-requests"), "0");
    assert.ok(Number(error.headers.get("retry-after")) >= 1);
    const body = error.error as { reason: string; position: number; estimate_seconds: number | null };
    assert.equal(body.reason, "key_rate");
    assert.equal(typeof body.position, "number");
    return true;
  });
});

test("a key with a list of models sees and uses only those", async () => {
  const file = path.join(grid.dir, "tiny.gguf");
  writeTinyModel(file, { seed: 3, purpose: "embedding" });
  await grid.addModel(file, "tiny-embedding");
  await grid.workers[0]!.replica("tiny-embedding");
  const { id, key } = await createKey({ name: "embedder", models: ["tiny-embedding"] });
  const client = grid.openai(key);
  assert.deepEqual((await client.models.list()).data.map((one) => one.id), ["tiny-embedding"]);
  await client.embeddings.create({ model: "tiny-embedding", input: "hi", encoding_format: "float" });
  await assert.rejects(client.chat.completions.create({ model, messages }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    return true;
  });
  await assert.rejects(client.models.retrieve(model), OpenAI.NotFoundError);
  const changed = await grid.api("PATCH", `/api/v1/keys/${id}`, { models: [] });
  assert.equal(changed.status, 200, changed.text);
  assert.equal((await client.models.retrieve(model)).id, model);
});

test("usage adds up to what the engine said, streamed or not, over a restart too", async () => {
  const { id, key } = await createKey({ name: "counted" });
  const client = grid.openai(key);
  let prompt = 0;
  let completion = 0;
  const add = (usage: { prompt_tokens: number; completion_tokens: number }) => {
    prompt += usage.prompt_tokens;
    completion += usage.completion_tokens;
  };
  const whole = await client.chat.completions.create({ model, messages, max_tokens: 9, temperature: 0 });
  add(whole.usage!);
  const stream = await client.chat.completions.create({
    model, messages, max_tokens: 12, temperature: 0, stream: true, stream_options: { include_usage: true },
  });
  for await (const chunk of stream) if (chunk.usage) add(chunk.usage);
  // The engine says it in its timings only; it is the same answer as the first one.
  const silent = await client.chat.completions.create({ model, messages, max_tokens: 9, temperature: 0, stream: true });
  for await (const _ of silent);
  add(whole.usage!);
  const text = await client.completions.create({ model, prompt: "GoGrid is", max_tokens: 5, temperature: 0 });
  add(text.usage!);
  const response = await client.responses.create({ model, input: "What is GoGrid?", max_output_tokens: 7, temperature: 0 });
  add({ prompt_tokens: response.usage!.input_tokens, completion_tokens: response.usage!.output_tokens });
  const message = await grid.api("POST", "/v1/messages", { model, messages, max_tokens: 6, temperature: 0 }, { key });
  const said = message.json.usage;
  add({ prompt_tokens: said.input_tokens + (said.cache_read_input_tokens ?? 0), completion_tokens: said.output_tokens });

  const used = async () => {
    const answer = await grid.api("GET", "/api/v1/usage", undefined, { key });
    assert.equal(answer.status, 200, answer.text);
    const rows = answer.json.data as any[];
    const sum = (field: string) => rows.reduce((total, row) => total + row[field], 0);
    assert.ok(rows.every((row) => row.key_id === id && row.key_name === "counted" && row.model === model));
    return { requests: sum("requests"), prompt: sum("prompt_tokens"), completion: sum("completion_tokens") };
  };
  assert.deepEqual(await used(), { requests: 6, prompt, completion });
  await grid.coordinator.stop();
  await grid.startCoordinator();
  assert.deepEqual(await used(), { requests: 6, prompt, completion });
});

test("the audit log has the acts in their order and no secret", async () => {
  const { id, key } = await createKey({ name: "short-lived", weight: 2 });
  await grid.api("PATCH", `/api/v1/keys/${id}`, { max_concurrent: 1 });
  await grid.api("DELETE", `/api/v1/keys/${id}`);
  const answer = await grid.api("GET", "/api/v1/audit?limit=1000");
  assert.equal(answer.status, 200, answer.text);
  const acts = (answer.json.data as any[]).reverse();
  assert.deepEqual(
    acts.filter((act) => act.subject === id).map((act) => act.action),
    ["key.create", "key.change", "key.revoke"],
  );
  const before = acts.map((act) => act.action as string);
  for (const action of ["engine.add", "model.add", "token.create", "worker.enrol"]) assert.ok(before.includes(action), action);
  assert.equal(acts[0].actor, "local");
  assert.ok(acts.every((act, at) => at === 0 || act.sequence > acts[at - 1].sequence));
  for (const secret of [key, grid.adminKey]) assert.ok(!answer.text.includes(secret.slice(20)));
});
