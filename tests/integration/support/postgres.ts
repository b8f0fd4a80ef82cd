// A private PostgreSQL cluster in a temporary directory, on a Unix socket only; it goes when the test file ends.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after } from "node:test";

const versions = "/usr/lib/postgresql";

export class PostgresCluster {
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-postgres-"));

  static async start(): Promise<PostgresCluster> {
    const cluster = new PostgresCluster();
    if (process.env.NODE_TEST_CONTEXT) after(() => cluster.stop());
    // The server refuses to run as root.
    if (process.getuid!() === 0) cluster.run("chown", ["postgres", cluster.dir], false);
    cluster.run("initdb", ["-D", cluster.data, "-U", "gogrid", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
    cluster.run("pg_ctl", ["-D", cluster.data, "-w", "-l", path.join(cluster.dir, "log"), "-o", `-k ${cluster.dir} -c listen_addresses=`, "start"]);
    return cluster;
  }

  get data(): string {
    return path.join(this.dir, "data");
  }
  get url(): string {
    return `postgresql:///postgres?host=${encodeURIComponent(this.dir)}&user=gogrid`;
  }

  /** A new database; its URL. */
  database(name: string): string {
    this.run("createdb", ["-h", this.dir, "-U", "gogrid", name]);
    return this.url.replace("/postgres?", `/${name}?`);
  }

  stop(): void {
    this.run("pg_ctl", ["-D", this.data, "-m", "immediate", "stop"]);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  private run(program: string, args: string[], ofPostgres = true): void {
    if (!fs.existsSync(versions)) throw new Error("PostgreSQL is not installed: scripts/dev setup");
    const bin = path.join(versions, fs.readdirSync(versions).sort().at(-1)!, "bin");
    const file = ofPostgres ? path.join(bin, program) : program;
    const asRoot = process.getuid!() === 0 && ofPostgres;
    const command = asRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", file] : [file];
    const result = spawnSync(command[0]!, [...command.slice(1), ...args], { cwd: "/", encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    if (result.status !== 0) throw new Error(`${program}: ${result.stderr}${result.stdout}${result.error ?? ""}`);
  }
}
