// A double of the worker daemon for tests of the tray: it speaks the control socket's protocol and holds whatever state a test
// wants to see on the screen.
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";

export interface Call {
  method: string;
  params: any;
}

export const readyStatus = {
  version: "0.1.0",
  worker_id: "w_1",
  name: "den-pc",
  coordinator: { address: "grid.example.com:8443", connected: true, since: 1_790_000_000, last_error: null, rtt_ms: 3.2 },
  availability: "available",
  reason: "",
  pauses: [] as { code: string; part?: string | null; except?: string[]; text: string; until: number | null }[],
  activity: { state: "idle", detail: "display :0: no input", wanted: true },
  awake_failure: null as string | null,
  config_error: null as string | null,
  sandbox: "bubblewrap",
  sandbox_detail: "",
  engine: {
    phase: "ready",
    detail: "",
    description: "llama.cpp",
    devices: [
      { name: "Vulkan0", gpu_id: "pci:0000:01:00.0", description: "GeForce RTX 4090", total_bytes: 24e9, limit_bytes: 16e9, foreign_bytes: 1e9, used_bytes: 5e9 },
      { name: "Vulkan1", gpu_id: "pci:0000:02:00.0", description: "GeForce RTX 3060", total_bytes: 12e9, limit_bytes: 12e9, foreign_bytes: 0, used_bytes: 0 },
    ],
  },
  replicas: [] as Record<string, unknown>[],
  requests: { running: 0, total: 412 },
};

type SettingRow = [key: string, kind: string, value: unknown, fallback: unknown, help: string, more?: Record<string, unknown>];

const rows: SettingRow[] = [
  ["worker.max_vram_gb", "number", null, null, "GPU memory that engines may use", { minimum: 0, maximum: 1e6 }],
  ["worker.max_vram_gb_each", "list", ["Vulkan0=16"], [], "The same for single GPUs", { origin: "file" }],
  ["worker.max_gpu_percent", "integer", 100, 100, "Load of a GPU", { minimum: 1, maximum: 100 }],
  ["worker.max_temperature_c", "number", 83, 83, "Temperature of a GPU", { minimum: 0, maximum: 150 }],
  ["worker.gpu_busy_percent", "integer", 20, 20, "Leave a GPU", { minimum: 0, maximum: 100 }],
  ["worker.preset", "choice", "default", "default", "Manners", { choices: ["conservative", "default", "aggressive", "dedicated"] }],
  ["worker.pause_on_activity", "boolean", true, true, "Whether work pauses"],
  ["worker.idle_after_seconds", "integer", 120, 120, "Seconds", { minimum: 1, maximum: 86_400 }],
  ["worker.when_activity_unknown", "choice", "work", "work", "What to do", { choices: ["work", "pause"] }],
  ["worker.work_while_active", "list", [], [], "What goes on"],
  ["worker.pause_on_full_screen", "boolean", true, true, "Whether work pauses"],
  ["worker.pause_on_pressure", "boolean", true, true, "Whether work pauses"],
  ["worker.exclusive_apps", "list", ["blender", "steam"], [], "Programs", { origin: "file" }],
  ["worker.on_pause", "choice", "migrate", "migrate", "What happens", { choices: ["migrate", "finish"] }],
  ["worker.schedule", "text", "mon-fri 18:00-08:00; sat,sun", "", "Hours", { origin: "file" }],
  ["worker.on_battery", "choice", "pause", "pause", "On battery", { choices: ["pause", "work"] }],
  ["coordinator.host", "text", "", "", "Host name", { applies: "at_restart" }],
  ["coordinator.port", "integer", null, null, "Port", { minimum: 1, maximum: 65_535, applies: "at_restart" }],
  ["worker.lease_grace", "duration", "30s", "30s", "How long jobs go on", { maximum: 3600 }],
  ["worker.on_metered_network", "choice", "pause", "pause", "What to do", { choices: ["pause", "work"] }],
  ["worker.max_memory_gb", "number", 0, 0, "Memory", { minimum: 0.25, maximum: 1e6, or_zero: true, origin: "environment", set_by: "GOGRID_WORKER_MAX_MEMORY_GB" }],
  ["worker.max_cpu_percent", "number", 0, 0, "CPU", { minimum: 1, maximum: 100, or_zero: true }],
  ["worker.engine_priority", "choice", "idle", "idle", "Priority", { choices: ["idle", "normal"] }],
  ["worker.threads", "integer", 0, 0, "CPU threads for each engine (0: the engine decides)", { minimum: 0, maximum: 1024 }],
  ["worker.max_cache_gb", "number", 0, 0, "Cache", { minimum: 0, maximum: 1e6 }],
  ["worker.min_free_disk_gb", "number", 0.5, 0.5, "Free disk", { minimum: 0, maximum: 1e6 }],
  ["worker.cache_dir", "path", "", "", "Where models are kept", { applies: "at_restart" }],
  ["worker.drain_timeout", "duration", "1m", "1m", "How long it waits"],
  ["worker.keep_awake", "boolean", false, false, "Keep the machine awake"],
  ["worker.name", "text", "den-pc", "", "Name", { origin: "file" }],
  ["worker.software_gpus", "integer", 0, 0, "To try things out", { minimum: 0, maximum: 16, applies: "at_restart" }],
  ["worker.engine_path", "path", "", "", "A local llama-server", { applies: "at_restart" }],
  ["worker.engine_start_timeout", "duration", "10m", "10m", "How long an engine may take", { minimum: 1 }],
  ["worker.engine_hang_timeout", "duration", "5m", "5m", "How long an engine may stand still", { minimum: 1 }],
  ["log.level", "choice", "info", "info", "How much is logged", { choices: ["trace", "debug", "info", "warning", "error", "off"] }],
  ["log.format", "choice", "text", "text", "How lines are written", { choices: ["text", "json"] }],
];

export class StandInDaemon {
  status = structuredClone(readyStatus);
  readonly calls: Call[] = [];
  /** What is wrong with the settings file. */
  fileError: string | null = null;
  history: any = { days: [], samples: [], totals: { jobs: 0, tokens: 0, given_seconds: 0 } };
  survey: any = { gpus: [] };
  readonly settings = rows.map(([key, kind, value, fallback, help, more]) => ({
    key, kind, value, default: fallback, origin: "default", set_by: null, help, expected: kind, applies: "at_once", ...more,
  }) as Record<string, any>);
  private readonly socketPath: string;
  private readonly server = net.createServer((socket) => this.serve(socket));
  private readonly sockets = new Set<net.Socket>();
  private readonly watchers = new Set<net.Socket>();
  private readonly hardwareWatchers = new Set<net.Socket>();
  private isGone = false;

  constructor(stateDir: string) {
    this.socketPath = path.join(stateDir, "run/control.sock");
  }

  async listen(): Promise<void> {
    fs.mkdirSync(path.dirname(this.socketPath), { recursive: true, mode: 0o700 });
    fs.rmSync(this.socketPath, { force: true });
    await new Promise<void>((resolve) => this.server.listen(this.socketPath, resolve));
  }

  /** As a daemon that ended: connections broken, the socket gone; or left behind, as by one that was killed. */
  async vanish(isKilled = false): Promise<void> {
    const left = `${this.socketPath}.left`;
    if (isKilled) fs.renameSync(this.socketPath, left);
    this.isGone = true;
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    if (isKilled) fs.renameSync(left, this.socketPath);
  }

  /** Changes the status and says so. */
  change(status: Partial<typeof readyStatus>): void {
    Object.assign(this.status, status);
    for (const socket of this.watchers) send(socket, { jsonrpc: "2.0", method: "status.changed", params: this.status });
  }

  read(survey: any): void {
    this.survey = survey;
    for (const socket of this.hardwareWatchers) send(socket, { jsonrpc: "2.0", method: "hardware.reading", params: survey });
  }

  get isWatchedForHardware(): boolean {
    return this.hardwareWatchers.size > 0;
  }

  called(method: string): any[] {
    return this.calls.filter((call) => call.method === method).map((call) => call.params);
  }

  private serve(socket: net.Socket): void {
    // It connected before the end and was taken up after it.
    if (this.isGone) return void socket.destroy();
    this.sockets.add(socket);
    socket.on("close", () => {
      for (const group of [this.sockets, this.watchers, this.hardwareWatchers]) group.delete(socket);
    });
    socket.on("error", () => {});
    let rest = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.answer(socket, JSON.parse(line));
    });
  }

  private answer(socket: net.Socket, { id, method, params }: { id: number; method: string; params: any }): void {
    this.calls.push({ method, params });
    const result = (value: unknown) => send(socket, { jsonrpc: "2.0", id, result: value });
    const error = (message: string, key?: string) => send(socket, { jsonrpc: "2.0", id, error: { code: -32602, message, data: { code: "invalid_argument", key } } });
    switch (method) {
      case "status.subscribe":
        this.watchers.add(socket);
        return result(this.status);
      case "pause": {
        const until = params.for_seconds ? Math.floor(Date.now() / 1000) + params.for_seconds : null;
        this.change({ availability: "paused", pauses: [{ code: "by_owner", text: "Paused by you", until }] });
        return result(this.status);
      }
      case "resume":
        this.change({ availability: "available", pauses: [] });
        return result(this.status);
      case "stop":
        this.change({ availability: "draining" });
        return result(this.status);
      case "settings.get":
        return result(this.described());
      case "settings.check":
      case "settings.set": {
        for (const [key, value] of Object.entries(params.values)) {
          const setting = this.settings.find((one) => one.key === key)!;
          const why = fault(setting, value);
          if (why) return error(why, key);
        }
        if (method === "settings.set") this.store(params.values);
        return result(this.described());
      }
      case "history.get":
        return result(this.history);
      case "hardware.subscribe":
        this.hardwareWatchers.add(socket);
        return result(this.survey);
      default:
        return send(socket, { jsonrpc: "2.0", id, error: { code: -32601, message: `there is no ${method}` } });
    }
  }

  private described(): unknown {
    return { file: "/home/ada/.config/gogrid-worker/config.toml", error: this.fileError, settings: this.settings };
  }

  private store(values: Record<string, unknown>): void {
    for (const [key, value] of Object.entries(values)) {
      const setting = this.settings.find((one) => one.key === key)!;
      setting.value = value ?? setting.default;
      setting.origin = value === null ? "default" : "file";
    }
  }
}

/** Why a setting cannot have that value. */
function fault(setting: Record<string, any>, value: unknown): string | undefined {
  if (value === null) return undefined;
  if (setting.kind === "integer" || setting.kind === "number") {
    if (typeof value !== "number") return `${setting.key} must be a number, not "${value}"`;
    if (setting.or_zero && value === 0) return undefined;
    if (value < setting.minimum || value > setting.maximum) return `${setting.key} must be from ${setting.minimum} to ${setting.maximum}`;
  }
  if (setting.key === "worker.schedule" && !/^[a-z0-9:;, -]*$/.test(String(value))) return `worker.schedule: "${value}" is no day and no hours`;
  return undefined;
}

function send(socket: net.Socket, message: unknown): void {
  socket.write(JSON.stringify(message) + "\n");
}
