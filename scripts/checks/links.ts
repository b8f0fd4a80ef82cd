// Every relative link in the Markdown files leads to a file that is there, and to a heading that is there.
import * as fs from "node:fs";
import * as path from "node:path";
import { lineOf, listFiles, read, top, type Fault } from "./files.ts";

const anchor = (heading: string) =>
  heading.trim().toLowerCase().replace(/[`*_]/g, "").replace(/[^\p{L}\p{N}\s-]/gu, "").replace(/\s/g, "-");

export function checkLinks(): Fault[] {
  const faults: Fault[] = [];
  for (const file of listFiles(/\.md$/)) {
    const text = read(file).replace(/```[\s\S]*?```/g, (block) => block.replace(/[^\n]/g, " "));
    for (const match of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const target = match[1]!;
      if (/^[a-z]+:/.test(target)) continue;
      const [where, fragment] = target.split("#") as [string, string | undefined];
      const linked = where ? path.posix.join(path.posix.dirname(file), where) : file;
      const line = lineOf(text, match.index);
      if (!fs.existsSync(path.join(top, linked))) {
        faults.push({ file, line, what: `dead link: ${target}` });
      } else if (fragment && linked.endsWith(".md")) {
        const headings = [...read(linked).matchAll(/^#+\s+(.*)$/gm)].map((heading) => anchor(heading[1]!));
        if (!headings.includes(fragment)) faults.push({ file, line, what: `no such heading: ${target}` });
      }
    }
  }
  return faults;
}
