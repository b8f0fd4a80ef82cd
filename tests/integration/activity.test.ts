// The owner comes back: real input on a real display, real engines. What runs goes on elsewhere, the memory is free within a
// second, and work comes back by itself.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { eventually, Grid, sampleModel, type Worker } from "./support/grid.ts";
import { descendants, procText, Program } from "./support/process.ts";
import { Desktop } from "./support/desktop.ts";

const model = "gogrid-sample";
let grid: Grid;
let desktop: Desktop;
let pc: Worker;
let server: Worker;

before(async () => {
  desktop = await Desktop.start();
  grid = await Grid.start();
  await grid.addEngine();
  await grid.addModel(sampleModel, model);
  pc = await grid.addWorker("pc", ["--idle-after-seconds", "2", "--pause-on-activity", "true"], { DISPLAY: desktop.env.DISPLAY, DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent" });
  server = await grid.addWorker("server");
  await server.replica(model);
});

after(async () => desktop.close());

const engines = (worker: Worker) =>
  descendants(worker.program.pid).filter((pid) => procText(pid, "cmdline").startsWith("/usr/bin/llama-server"));

test("the mouse moves in the middle of a stream: the machine is the owner's within a second, and the stream goes on", async (context) => {
  assert.equal((await server.command(["pause"])).code, 0);
  await pc.replica(model);
  const id = (await pc.seen()).id as string;
  const { data: stream, response } = await grid
    .openai()
    .chat.completions.create({ model, messages: [{ role: "user", content: "What is GoGrid?" }], stream: true, temperature: 0, max_tokens: 1500, ignore_eos: true } as any)
    .withResponse();
  assert.equal(response.headers.get("x-gogrid-worker"), id);
  let tokens = 0;
  let reaction = 0;
  for await (const event of stream as any) {
    tokens += event.choices[0]?.delta?.content ? 1 : 0;
    if (tokens !== 30 || reaction > 0) continue;
    await server.command(["resume"]);
    await server.replica(model);
    const begin = performance.now();
    await desktop.moveMouse();
    while (engines(pc).length > 0) await new Promise(setImmediate);
    reaction = performance.now() - begin;
  }
  assert.ok(tokens > 1400, `${tokens} tokens`);
  context.diagnostic(`from the mouse to the engine's end: ${reaction.toFixed(0)} ms`);
  assert.ok(reaction > 0 && reaction < 1000, `${reaction} ms`);
});

test("it says why, to its owner in full, and to others without what concerns the owner alone", async () => {
  await desktop.moveMouse();
  const status = await eventually("it is paused", async () => {
    const now = await pc.status();
    return now.availability === "paused" && now;
  });
  assert.equal(status.reason, "you are using the computer");
  assert.deepEqual(status.pauses.map((pause: any) => pause.code), ["user_active"]);
  const seen = await eventually("the coordinator knows", async () => {
    const now = await pc.seen();
    return now.availability === "paused" && now;
  });
  assert.equal(seen.reason, "its owner is using it");
});

test("when nobody has touched anything for as long as it was told, it works again by itself", async () => {
  await desktop.moveMouse();
  await eventually("it is paused", async () => (await pc.status()).availability === "paused");
  await pc.replica(model);
  assert.equal((await pc.status()).availability, "available");
});

test("a program on the owner's list has the machine for itself, from the moment on that it is put there", async () => {
  const file = path.join(grid.dir, "gogrid-film");
  fs.copyFileSync("/bin/sleep", file);
  const film = new Program("film", file, ["1000"], { PATH: process.env.PATH });
  assert.equal((await pc.command(["set", "worker.exclusive_apps", "gogrid-film"])).code, 0);
  const status = await eventually("it is paused", async () => {
    const now = await pc.status();
    return now.availability === "paused" && now;
  });
  assert.deepEqual(status.pauses.map((pause: any) => pause.code), ["exclusive_app"]);
  assert.equal(status.reason, "gogrid-film is running");
  assert.equal((await pc.seen()).reason, "its owner is using it");
  film.killNow();
  await film.exited;
  await eventually("it works again", async () => (await pc.status()).availability === "available");
  assert.equal((await pc.command(["unset", "worker.exclusive_apps"])).code, 0);
});

test("while a part is paused the worker works on, says which, and counts the time", async () => {
  const seconds = async () => {
    const { days } = JSON.parse((await pc.command(["stats", "--json"])).stdout);
    return (days as any[]).reduce((sum, day) => sum + (day.paused_seconds.user_active ?? 0), 0);
  };
  assert.equal((await pc.command(["set", "worker.work_while_active", "cpu"])).code, 0);
  await pc.replica(model);
  const before = await seconds();
  await eventually("the time counts", async () => {
    await desktop.moveMouse();
    return (await seconds()) > before + 1;
  });
  const status = await eventually("its user is there", async () => {
    await desktop.moveMouse();
    const now = await pc.status();
    return now.pauses.length > 0 && now;
  });
  assert.equal(status.availability, "available");
  assert.deepEqual(status.pauses.map((pause: any) => [pause.code, pause.part, pause.except]), [["user_active", null, ["cpu"]]]);
  await eventually("people are told", async () => {
    await desktop.moveMouse();
    return /^paused +all but cpu: you are using the computer$/m.test((await pc.command(["status"])).stdout);
  });
  assert.ok(engines(pc).length > 0);
  const people = (await pc.command(["stats"])).stdout;
  assert.match(people, /^paused, all of it or a part$/m);
  assert.match(people, /^ +you used the computer +\d+ s/m);
  assert.equal((await pc.command(["unset", "worker.work_while_active"])).code, 0);
});

test("a computer that cannot be kept awake while it works says so, and why", async () => {
  assert.equal((await server.command(["pause"])).code, 0);
  assert.equal((await pc.command(["set", "worker.keep_awake", "true"])).code, 0);
  await pc.replica(model);
  // One answer takes less time than a program that would see it.
  let seen = false;
  const work = async () => {
    while (!seen) await grid.api("POST", "/v1/chat/completions", { model, messages: [{ role: "user", content: "What is GoGrid?" }], max_tokens: 1000, ignore_eos: true });
  };
  const working = [work(), work()];
  const shown = async () => (await pc.command(["status"])).stdout;
  await eventually("it says so", async () => /^keep awake +\S/m.test(await shown())).finally(() => (seen = true));
  await Promise.all(working);
  await eventually("it is over", async () => !/^keep awake/m.test(await shown()));
  assert.equal((await pc.command(["unset", "worker.keep_awake"])).code, 0);
  assert.equal((await server.command(["resume"])).code, 0);
});

test("the display goes away and another comes under its name: it goes on with what is left, and says so", async () => {
  desktop.display.killNow();
  await desktop.display.exited;
  const status = await eventually("it notices", async () => {
    const now = await pc.status();
    return !now.activity.detail.includes(`display ${desktop.env.DISPLAY}`) && now;
  });
  assert.ok(status.activity.detail.length > 0, "and says what it goes by");
  const { full_screen } = await eventually("nor is a full screen seen", async () => {
    const now = await pc.status();
    return !now.full_screen.watched && now;
  });
  assert.ok(full_screen.detail.length > 0, "and it says why");
});
