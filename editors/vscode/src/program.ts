/** Where the `slimify` program is, and how it is run. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as path from "node:path";

/** A program with the arguments that come before all others, and its environment. */
export interface Program {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
}

/** What the settings say; empty where they say nothing. */
export interface Chosen {
  path: string;
  python: string;
}

/** The program that the user names, or the one beside the extension, or the one on the PATH. */
export function program(extension: string, chosen: Chosen): Program {
  if (chosen.path) {
    return { command: chosen.path, args: [], env: process.env };
  }
  const bundled = path.join(extension, "bundled", "python");
  if (existsSync(path.join(bundled, "slimify"))) {
    const python = chosen.python || (process.platform === "win32" ? "python" : "python3");
    // Only what comes with the extension is imported: no file of the workspace, and nobody's own packages.
    return { command: python, args: ["-P", "-s", "-m", "slimify"], env: { ...process.env, PYTHONPATH: bundled } };
  }
  return { command: "slimify", args: [], env: process.env };
}

/** What a run came to. */
export interface Ran {
  code: number | null;
  output: string;
  errors: string;
}

/** Run the program to its end, or until `stopped` says so. Rejects where it cannot be started. */
export function run(
  one: Program,
  args: string[],
  options: { input?: string; cwd?: string; stopped?: AbortSignal },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(one.command, [...one.args, ...args], { env: one.env, cwd: options.cwd });
    options.stopped?.addEventListener("abort", () => child.kill("SIGINT"), { once: true });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => output.push(data));
    child.stderr.on("data", (data: Buffer) => errors.push(data));
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ code, output: Buffer.concat(output).toString(), errors: Buffer.concat(errors).toString() }),
    );
    child.stdin.on("error", () => undefined); // it may end before it has read everything
    child.stdin.end(options.input ?? "");
  });
}
