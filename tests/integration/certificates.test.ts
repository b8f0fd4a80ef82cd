// A certificate of one's own for clients: served from the start, and its successor after SIGHUP, while workers stay connected.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import * as tls from "node:tls";
import { test } from "node:test";
import { binDir, eventually, Grid } from "./support/grid.ts";
import { run } from "./support/process.ts";

/** A certificate with its key: any authority's own is one. */
async function makeCertificate(grid: Grid, name: string): Promise<{ certificate: string; key: string }> {
  const dir = path.join(grid.dir, name);
  const made = await run(path.join(binDir, "gogrid-coordinator"), ["init", "--data-dir", dir], { env: grid.env });
  assert.equal(made.code, 0, made.stderr);
  return { certificate: fs.readFileSync(path.join(dir, "ca.pem"), "utf8"), key: fs.readFileSync(path.join(dir, "ca.key"), "utf8") };
}

async function served(grid: Grid): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: "127.0.0.1", port: grid.port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()!.toString());
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

test("a configured certificate is served, and a new one after SIGHUP", async () => {
  const grid = await Grid.start();
  const worker = await grid.addWorker("worker");
  const { id } = await worker.seen();
  const [first, second] = [await makeCertificate(grid, "first"), await makeCertificate(grid, "second")];
  const files = { certificate: path.join(grid.dir, "own.pem"), key: path.join(grid.dir, "own.key") };
  const write = (pair: typeof first) => {
    fs.writeFileSync(files.certificate, pair.certificate);
    fs.writeFileSync(files.key, pair.key, { mode: 0o600 });
  };
  write(first);
  assert.equal(await grid.coordinator.stop(), 0);
  const settings = path.join(grid.dataDir, "coordinator.toml");
  fs.appendFileSync(settings, `\n[tls]\ncert_path = "${files.certificate}"\nkey_path = "${files.key}"\n`);
  await grid.startCoordinator();
  assert.equal(await served(grid), first.certificate);
  // Workers trust the coordinator's own authority, whatever clients see.
  await grid.coordinator.saying(new RegExp(`worker connected.*${id}`));

  write(second);
  grid.coordinator.kill("SIGHUP");
  await eventually("the new certificate is served", async () => (await served(grid)) === second.certificate, 20);

  // What cannot be used changes nothing and is said.
  fs.writeFileSync(files.certificate, "nonsense");
  grid.coordinator.kill("SIGHUP");
  await grid.coordinator.saying(/kept the old certificate/);
  assert.equal(await served(grid), second.certificate);
  assert.doesNotMatch(grid.coordinator.stderr, new RegExp(`worker (disconnected|lost).*${id}`));
});
