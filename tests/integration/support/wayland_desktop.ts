// A Wayland desktop of a test's own: sway inside an X display of the server's choice, so that what is typed and clicked there comes
// to sway as from devices, and pictures of it show the desktop. Its bar, if it has one, is a StatusNotifierHost.
import * as fs from "node:fs";
import * as path from "node:path";
import { Desktop, type Box, type Thing } from "./desktop.ts";
import { eventually } from "./grid.ts";

// wlroots' X11 output has this size until it is asked for another.
const size = { width: 1024, height: 768 };

const background = "#506070";

/** A program's window as the compositor has it: its title, its frame and what is inside. */
export interface Window {
  title: string;
  frame: Box;
  inside: Box;
  isFocused: boolean;
}

export class WaylandDesktop extends Desktop {
  private waylandDisplay = "";

  async startWayland(hasBar: boolean): Promise<void> {
    await this.startDisplay(`${size.width}x${size.height}`);
    await this.startBus();
    await this.startSway(hasBar);
  }

  /** What makes a program one of this desktop and not of the X display behind it. */
  get programEnv(): NodeJS.ProcessEnv {
    return { DISPLAY: undefined, WAYLAND_DISPLAY: this.waylandDisplay, QT_QPA_PLATFORM: "wayland" };
  }

  private async startSway(hasBar: boolean): Promise<void> {
    const config = path.join(this.dir, "sway.conf");
    const bar = "bar {\n  position bottom\n  swaybar_command swaybar\n  tray_output *\n}\n";
    fs.writeFileSync(
      config,
      `xwayland disable
floating_modifier none
default_floating_border normal
output * bg ${background} solid_color
for_window [app_id=".*"] floating enable
bindsym Mod4+q kill
${hasBar ? bar : ""}`,
    );
    this.env.SWAYSOCK = path.join(this.dir, "run/sway.sock");
    const sway = ["sway", "--verbose", "--config", config];
    // It does not run as root; in a user namespace nobody is.
    const command = process.getuid!() === 0 ? ["unshare", "--user", "--map-user=1000", "--map-group=1000", ...sway] : sway;
    const compositor = this.program("sway", command[0]!, command.slice(1), { WLR_BACKENDS: "x11", WLR_RENDERER: "pixman", WLR_NO_HARDWARE_CURSORS: "1" });
    this.waylandDisplay = (await compositor.saying(/Running compositor on wayland display '(.+)'/))[1]!;
    await eventually("sway shows its desktop", async () => (await this.workspace()) !== undefined);
    if (!hasBar) return;
    await eventually("a StatusNotifierHost is on the bus", async () => (await this.busNames()).some((name) => name.startsWith("org.kde.StatusNotifierHost")));
    await eventually("the bar has its place", async () => (await this.workspace())!.height < size.height);
  }

  private async ask(what: string): Promise<any> {
    return JSON.parse(await this.tool("swaymsg", ["--raw", "--type", what]));
  }

  private async workspace(): Promise<Box | undefined> {
    return (await this.ask("get_workspaces"))[0]?.rect;
  }

  /** What the bar has at its right end, where the first icon goes. */
  async iconPlace(): Promise<Box> {
    const bar = size.height - (await this.workspace())!.height;
    return { x: size.width - bar, y: size.height - bar, width: bar, height: bar };
  }

  async programWindows(): Promise<Window[]> {
    const found: Window[] = [];
    const collect = (node: any): void => {
      if (node.pid !== undefined && node.visible) {
        const { x, y, width, height } = node.rect;
        const { rect: { x: left, y: top }, window_rect: inside, deco_rect: title } = node;
        found.push({
          title: node.name ?? "",
          frame: { x, y: y - title.height, width, height: height + title.height },
          inside: { x: left + inside.x, y: top + inside.y, width: inside.width, height: inside.height },
          isFocused: node.focused,
        });
      }
      for (const below of [...node.nodes, ...node.floating_nodes]) collect(below);
    };
    collect(await this.ask("get_tree"));
    return found;
  }

  async window(title: string | RegExp): Promise<Window> {
    return eventually(`the window ${title} shows`, async () =>
      (await this.programWindows()).find((one) => (typeof title === "string" ? one.title === title : title.test(one.title))),
    );
  }

  /** Programs know where things are in their windows; only the compositor knows where those are. */
  protected override async placed([top, ...rest]: Thing[]): Promise<Thing[]> {
    if (!top) return [];
    const windows = await this.programWindows();
    const own = windows.find(({ title, inside }) => (title === top.name || title.startsWith(`${top.name} — `)) && inside.width === top.width && inside.height === top.height);
    if (!own) return [];
    return [top, ...rest].map((thing) => ({ ...thing, x: thing.x - top.x + own.inside.x, y: thing.y - top.y + own.inside.y }));
  }

  /** How many colours are there. */
  async coloursIn(part: Box): Promise<number> {
    return Number(await this.look(part, ["-format", "%k"]));
  }

  /** What covers the desktop below a window, as its menus do; they are no windows to the compositor. */
  async below({ frame }: Window): Promise<Box | undefined> {
    const top = frame.y + frame.height;
    const part = { x: 0, y: top, width: size.width, height: (await this.workspace())!.height - top };
    if ((await this.coloursIn(part)) === 1) return undefined;
    const [, width, height, x, y] = /^(\d+)x(\d+)\+(\d+)\+(\d+)$/.exec(await this.look(part, ["-bordercolor", background, "-border", "1", "-format", "%@"]))!.map(Number);
    return { x: x! - 1, y: top + y! - 1, width: width!, height: height! };
  }

  private async look(part: Box, question: string[]): Promise<string> {
    const file = path.join(this.dir, "screen.png");
    await this.tool("import", ["-window", "root", "-crop", `${part.width}x${part.height}+${part.x}+${part.y}`, "+repage", file]);
    return this.tool("convert", [file, ...question, "info:"]);
  }
}
