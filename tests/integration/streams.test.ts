// Two workers, 64 streams at once, and every second client hangs up in the middle: the others never notice, and every slot is
// free again afterwards.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { eventually, Grid } from "./support/grid.ts";

let grid: Grid;

before(async () => {
  grid = await Grid.withWorkers(2);
});

async function stream(hangUp: boolean): Promise<{ chunks: number; finished: boolean }> {
  const controller = new AbortController();
  const answer = await grid.openai().chat.completions.create(
    {
      model: "gogrid-sample",
      messages: [{ role: "user", content: "What is GoGrid?" }],
      stream: true,
      max_tokens: 64,
      // The server's own extension, to have streams of a known length.
      ...{ ignore_eos: true },
    },
    { signal: controller.signal },
  );
  let chunks = 0;
  let finished = false;
  try {
    for await (const chunk of answer) {
      chunks += 1;
      if (chunk.choices[0]?.finish_reason) finished = true;
      if (hangUp && chunks === 8) controller.abort();
    }
  } catch (error) {
    if (!hangUp) throw error;
  }
  return { chunks, finished };
}

test("64 streams, half of them cut by their clients", async () => {
  const results = await Promise.all(Array.from({ length: 64 }, (_, index) => stream(index % 2 === 1)));
  results.forEach((result, index) => {
    if (index % 2 === 0) assert.ok(result.finished && result.chunks >= 60, `stream ${index}: ${JSON.stringify(result)}`);
  });
  await eventually("no request is in flight and no slot busy", async () => {
    const slots = grid.workers.map(async (worker) =>
      ((await worker.seen()).replicas as any[]).reduce((sum, replica) => sum + replica.slots_busy, 0),
    );
    const busy = (await Promise.all(slots)).reduce((sum, count) => sum + count, 0);
    return busy === 0 && (await grid.metric("gogrid_requests_in_flight")) === 0;
  });
});

test("both workers took part", async () => {
  for (const worker of grid.workers) {
    const status = await worker.status();
    assert.ok(status.requests.total > 0, `${worker.name} ran ${status.requests.total}`);
  }
});

test("a client that hangs up frees the engine's slot before the answer would have ended", async () => {
  const long = { model: "gogrid-sample", prompt: "GoGrid", max_tokens: 100_000, ignore_eos: true, stream: true };
  const controller = new AbortController();
  const answer = await grid.openai().completions.create(long as any, { signal: controller.signal });
  for await (const _ of answer as any) break;
  controller.abort();
  await eventually(
    "the engine is idle",
    async () => (await grid.workers[0]!.status()).requests.running + (await grid.workers[1]!.status()).requests.running === 0,
    5,
  );
});
