// A desktop of a test's own: an X display of the server's choice, a session bus, a window manager, a tray; and a person in front
// of it, who finds things by their accessible names, clicks with the mouse, types, and takes pictures.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Bus, whole } from "./dbus.ts";
import { eventually } from "./grid.ts";
import { Program, run } from "./process.ts";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Something on the screen that has a name. */
export interface Thing extends Box {
  name: string;
  role: string;
  description: string;
  bus: string;
  path: string;
  isEnabled: boolean;
}

const accessible = "org.a11y.atspi.Accessible";
const root = "/org/a11y/atspi/accessible/root";
// Bits of AT-SPI's states.
const enabled = 8;
const showing = 25;

export class Desktop {
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), "gogrid-desktop-"));
  env: NodeJS.ProcessEnv = {};
  display!: Program;
  sessionBus!: Program;
  private readonly programs: Program[] = [];
  private tree: Bus | undefined;

  static async start(size = "1100x900"): Promise<Desktop> {
    const desktop = new Desktop();
    await desktop.startDisplay(size);
    await desktop.startBus();
    desktop.program("openbox", "openbox", ["--sm-disable"]);
    await eventually("there is a window manager", async () =>
      (await desktop.tool("xprop", ["-root", "_NET_SUPPORTING_WM_CHECK"])).includes("window id"),
    );
    await desktop.tool("display", ["-window", "root", "-size", size, "xc:#506070"]);
    return desktop;
  }

  protected async startDisplay(size: string): Promise<void> {
    for (const name of ["run", "config", "data", "cache"]) fs.mkdirSync(path.join(this.dir, name), { mode: 0o700 });
    this.env = {
      PATH: process.env.PATH,
      TSAN_OPTIONS: process.env.TSAN_OPTIONS,
      HOME: this.dir,
      LANG: "C.UTF-8",
      XDG_RUNTIME_DIR: path.join(this.dir, "run"),
      XDG_CONFIG_HOME: path.join(this.dir, "config"),
      XDG_DATA_HOME: path.join(this.dir, "data"),
      XDG_CACHE_HOME: path.join(this.dir, "cache"),
      GSETTINGS_BACKEND: "memory",
      NO_AT_BRIDGE: undefined,
      QT_LINUX_ACCESSIBILITY_ALWAYS_ON: "1",
    };
    this.display = this.program("xvfb", "Xvfb", ["-displayfd", "1", "-screen", "0", `${size}x24`, "-nolisten", "tcp", "-noreset"]);
    this.env.DISPLAY = `:${(await this.display.saying(/^(\d+)$/))[1]}`;
  }

  async startBus(): Promise<void> {
    this.sessionBus = this.program("session bus", "dbus-daemon", ["--session", "--nofork", "--print-address=1"]);
    this.env.DBUS_SESSION_BUS_ADDRESS = (await this.sessionBus.saying(/^(unix:\S+)$/))[1]!;
    // As on a desktop, the tree of what shows is there before the programs; one that is quicker than it may stay out of it.
    const bus = await Bus.connect(this.env.DBUS_SESSION_BUS_ADDRESS);
    const [address] = (await bus.call("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")) as [string];
    bus.close();
    this.tree?.close();
    this.tree = await Bus.connect(address);
    await this.tree.call("org.a11y.atspi.Registry", root, accessible, "GetChildren");
  }

  program(name: string, file: string, args: string[], env: NodeJS.ProcessEnv = {}): Program {
    const program = new Program(name, file, args, { ...this.env, ...env });
    this.programs.push(program);
    return program;
  }

  /** Input as from a device (XTest). */
  async moveMouse(): Promise<void> {
    await this.tool("xdotool", ["mousemove_relative", "--", "1", "1"]);
  }

  /** A tray as older desktops have it. */
  async startXembedTray(args: string[] = []): Promise<Program> {
    const tray = this.program("trayer", "trayer", ["--edge", "bottom", "--align", "right", "--widthtype", "request", "--height", "32", "--SetDockType", "true", ...args]);
    await eventually("the tray is there", async () => (await this.tool("xwininfo", ["-root", "-tree"])).includes('"trayer"') || (await this.windows("panel")).length > 0);
    return tray;
  }

  /** A tray as newer desktops have it. */
  async startNotifierTray(): Promise<Program> {
    const dir = path.join(this.dir, "config/xfce4/xfconf/xfce-perchannel-xml");
    fs.mkdirSync(dir, { recursive: true });
    fs.writeFileSync(
      path.join(dir, "xfce4-panel.xml"),
      `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=10;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
`,
    );
    const panel = this.program("panel", "xfce4-panel", ["--disable-wm-check"], { XFCE_PANEL_MIGRATE_DEFAULT: "1" });
    await eventually("a StatusNotifierWatcher is on the bus", async () => (await this.busNames()).includes("org.kde.StatusNotifierWatcher"));
    return panel;
  }

  async busNames(): Promise<string[]> {
    const bus = await Bus.connect(this.env.DBUS_SESSION_BUS_ADDRESS!);
    const [names] = (await bus.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ListNames")) as [string[]];
    bus.close();
    return names;
  }

  /** The icons in it, by their places on the bus. */
  async notifierItems(): Promise<string[]> {
    const bus = await Bus.connect(this.env.DBUS_SESSION_BUS_ADDRESS!);
    const watcher = "org.kde.StatusNotifierWatcher";
    const items = (await bus.property(watcher, "/StatusNotifierWatcher", watcher, "RegisteredStatusNotifierItems")) as unknown as string[];
    bus.close();
    return items;
  }

  async tool(file: string, args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(file, args, { env: this.env as NodeJS.ProcessEnv });
    if (code !== 0 && stderr.trim() !== "") throw new Error(`${file} ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** X windows whose class or name matches. */
  async windows(pattern: string): Promise<number[]> {
    const { stdout } = await run("xdotool", ["search", "--onlyvisible", "--class", pattern], { env: this.env as NodeJS.ProcessEnv });
    return stdout.split("\n").filter(Boolean).map(Number);
  }

  /** What a program shows without the window manager's frame, as menus are, the newest last. */
  async popups(windowClass: string): Promise<Box[]> {
    const visible = new Set(await this.windows(windowClass));
    const top = (await this.tool("xwininfo", ["-root", "-tree"])).split("\n").filter((line) => /^ {5}0x/.test(line));
    const found = top.map((line) => parseInt(line.trim(), 16)).filter((window) => visible.has(window));
    return Promise.all(found.reverse().map((window) => this.boxOf(window)));
  }

  async boxOf(window: number): Promise<Box> {
    const said = await this.tool("xdotool", ["getwindowgeometry", "--shell", String(window)]);
    const value = (name: string) => Number(new RegExp(`^${name}=(-?\\d+)$`, "m").exec(said)![1]);
    return { x: value("X"), y: value("Y"), width: value("WIDTH"), height: value("HEIGHT") };
  }

  async click(at: Box, button = 1): Promise<void> {
    const x = Math.round(at.x + at.width / 2);
    const y = Math.round(at.y + at.height / 2);
    await this.tool("xdotool", ["mousemove", String(x), String(y), "click", String(button)]);
  }

  /** From the middle of one to the middle of the other, with the button held. */
  async drag(from: Box, to: Box): Promise<void> {
    const place = (box: Box) => [String(Math.round(box.x + box.width / 2)), String(Math.round(box.y + box.height / 2))];
    await this.tool("xdotool", ["mousemove", ...place(from), "mousedown", "1", "mousemove", ...place(to), "mouseup", "1"]);
  }

  async key(...keys: string[]): Promise<void> {
    await this.tool("xdotool", ["key", "--clearmodifiers", ...keys]);
  }

  async type(text: string): Promise<void> {
    await this.tool("xdotool", ["type", "--delay", "2", text]);
  }

  /** Everything that shows in the programs whose names match, from the top of the tree down. */
  async things(program: RegExp): Promise<Thing[]> {
    const bus = this.tree!;
    const [programs] = (await bus.call("org.a11y.atspi.Registry", root, accessible, "GetChildren")) as [[string, string][]];
    const found: Thing[] = [];
    for (const [name, at] of programs) {
      try {
        if (!program.test(await bus.property(name, at, accessible, "Name"))) continue;
        const [windows] = (await bus.call(name, at, accessible, "GetChildren")) as [[string, string][]];
        for (const [owner, window] of windows) {
          const inside: Thing[] = [];
          await this.collect(bus, owner, window, inside);
          found.push(...(await this.placed(inside)));
        }
      } catch {
        // It went while we looked.
      }
    }
    return found;
  }

  /** A window and what is in it, where they are on the screen. */
  protected async placed(window: Thing[]): Promise<Thing[]> {
    return window;
  }

  private async collect(bus: Bus, owner: string, at: string, found: Thing[]): Promise<void> {
    const [[states]] = (await bus.call(owner, at, accessible, "GetState")) as [[number, number]];
    const has = (bit: number) => ((states as number) >>> bit) % 2 === 1;
    if (!has(showing)) return;
    const [name, description, [role], [box], [children]] = (await Promise.all([
      bus.property(owner, at, accessible, "Name"),
      bus.property(owner, at, accessible, "Description"),
      bus.call(owner, at, accessible, "GetRoleName"),
      bus.call(owner, at, "org.a11y.atspi.Component", "GetExtents", whole(0)).catch(() => [[0, 0, 0, 0]]),
      bus.call(owner, at, accessible, "GetChildren"),
    ])) as [string, string, [string], [number[]], [[string, string][]]];
    const [x, y, width, height] = box as [number, number, number, number];
    found.push({ name, description, role, x, y, width, height, bus: owner, path: at, isEnabled: has(enabled) });
    for (const [owner, child] of children) await this.collect(bus, owner, child, found);
  }

  /** Waits until something with that name shows. */
  async find(program: RegExp, name: string | RegExp, role?: string): Promise<Thing> {
    const matches = (thing: Thing) =>
      (typeof name === "string" ? thing.name === name : name.test(thing.name)) && (role === undefined || thing.role === role) && thing.width > 0;
    let seen: Thing[] = [];
    return eventually(`${name} shows`, async () => (seen = await this.things(program)).find(matches), 30).catch((error: Error) => {
      const names = seen.map((thing) => `${thing.role} "${thing.name}" ${thing.x},${thing.y} ${thing.width}x${thing.height}`);
      throw new Error(`${error.message}; there is:\n${names.join("\n")}`);
    });
  }

  /** A picture of that part of the screen as a PNG, if GOGRID_SCREENSHOTS names a directory for them. */
  async picture(name: string, part: Box): Promise<void> {
    const dir = process.env.GOGRID_SCREENSHOTS;
    if (!dir) return;
    const crop = `${part.width}x${part.height}+${Math.max(0, part.x)}+${Math.max(0, part.y)}`;
    const file = path.join(dir, `${name}.png`);
    await this.tool("import", ["-window", "root", "-crop", crop, "+repage", "-strip", "-define", "png:compression-level=9", file]);
  }

  async close(): Promise<void> {
    this.tree?.close();
    for (const program of this.programs.reverse()) {
      program.kill("SIGTERM");
      await program.exited;
    }
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
