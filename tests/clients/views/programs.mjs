// SPDX-License-Identifier: Apache-2.0
// Programs in a world of their own: FOLDER has their HOME, their PATH and what runs, and nothing else of this environment is there.
import { execFile } from "node:child_process";

export function world(folder) {
  const environment = { PATH: `${folder}/bin:/usr/bin:/bin`, HOME: `${folder}/home`, XDG_RUNTIME_DIR: `${folder}/run`, LANG: "C.UTF-8", TERM: "dumb", NO_COLOR: "1" };
  // {code, out, err} of a program with nothing to read and 60 s to end in.
  const start = ([file, ...args], cwd, env = {}) => new Promise((resolve) => {
    const options = { cwd, env: { ...environment, ...env }, timeout: 60_000, maxBuffer: 64 << 20 };
    execFile(file, args, options, (error, out, err) => resolve({ code: error ? (error.code ?? error.signal) : 0, out, err })).stdin.end();
  });
  async function must(command, cwd) {
    const { code, out, err } = await start(command, cwd);
    if (code !== 0) throw new Error(`${command.join(" ")}: ${code}\n${out}${err}`);
    return out;
  }
  return { start, must };
}
