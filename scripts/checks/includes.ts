// Who may include whom: folders of src/ form layers, system libraries have one home, and no file includes itself in a circle.
import * as path from "node:path";
import { lineOf, listFiles, read, type Fault } from "./files.ts";

const mayInclude: Record<string, string[]> = {
  base: [],
  domain: ["base"],
  wire: ["domain", "base"],
  net: ["base"],
  store: ["domain", "base"],
  coordinator: ["store", "wire", "net", "domain", "base"],
  worker: ["wire", "net", "domain", "base"],
  client: ["wire", "net", "domain", "base"],
  cli: ["client", "wire", "net", "domain", "base"],
  tray: ["domain", "base"],
};

// Libraries that only these folders may see.
const homes: { header: RegExp; only: RegExp }[] = [
  { header: /^(ngtcp2|gnutls)\//, only: /^src\/net\// },
  { header: /^(openssl\/(ssl|x509)|boost\/asio\/ssl)/, only: /^src\/net\// },
  { header: /^(sqlite3\.h|libpq-fe\.h)/, only: /^src\/store\// },
  { header: /^(xcb|systemd)\/|^wayland-(client|server)/, only: /^src\/worker\/activity\// },
  { header: /^vulkan\//, only: /^src\/worker\/gpu\// },
  { header: /^Q[A-Z]/, only: /^(src\/tray|apps\/gogrid-tray)\// },
];

export function checkIncludes(): Fault[] {
  const faults: Fault[] = [];
  const graph = new Map<string, string[]>();
  for (const file of listFiles(/^(src|apps)\/.*\.(cpp|hpp)$/)) {
    const text = read(file);
    const folder = file.split("/")[1]!;
    const inner: string[] = [];
    for (const match of text.matchAll(/^\s*#include\s+([<"])([^>"]+)[>"]/gm)) {
      const [, quote, header] = match as unknown as [string, string, string];
      const fault = (what: string) => faults.push({ file, line: lineOf(text, match.index), what });
      const home = homes.find((entry) => entry.header.test(header));
      if (home && !home.only.test(file)) fault(`${header} belongs to ${home.only.source}`);
      if (quote !== '"') continue;
      const target = header.split("/")[0]!;
      if (!file.startsWith("src/") || header.endsWith(".pb.h")) continue;
      if (!(target in mayInclude)) fault(`"${header}": includes start at src/, as "base/result.hpp"`);
      else if (target !== folder && !mayInclude[folder]!.includes(target)) fault(`${folder} may not include ${target}`);
      inner.push(path.posix.join("src", header));
    }
    graph.set(file, inner);
  }
  return [...faults, ...circles(graph)];
}

function circles(graph: Map<string, string[]>): Fault[] {
  const faults: Fault[] = [];
  const state = new Map<string, "open" | "done">();
  const visit = (file: string, trail: string[]): void => {
    if (state.get(file) === "done" || !graph.has(file)) return;
    if (state.get(file) === "open") {
      faults.push({ file, line: 1, what: `circle: ${[...trail.slice(trail.indexOf(file)), file].join(" -> ")}` });
      return;
    }
    state.set(file, "open");
    for (const next of graph.get(file)!) visit(next, [...trail, file]);
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file, []);
  return faults;
}
