// Runs the checks of this folder and prints each fault as FILE:LINE: WHAT; exit code 1 when there is one.
import { checkCoroutines } from "./coroutines.ts";
import { checkIncludes } from "./includes.ts";
import { checkLinks } from "./links.ts";

const faults = [...checkIncludes(), ...checkCoroutines(), ...checkLinks()];
for (const { file, line, what } of faults) console.error(`${file}:${line}: ${what}`);
process.exit(faults.length > 0 ? 1 : 0);
