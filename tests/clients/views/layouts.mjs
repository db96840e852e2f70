// SPDX-License-Identifier: Apache-2.0
// How a client comes to see its view: `prepare` lays it out in the project, `prefix` stands before the client's own
// command, `clear` takes it away again. What `prepare` returns says why that cannot be had here. The first is what all
// others are compared with, unless `compared` says otherwise.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { clients } from "./clients.mjs";

// The links of a project that RTT placed.
const links = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((one) => {
  const path = `${folder}/${one.name}`;
  if (one.isSymbolicLink()) return [path];
  return one.isDirectory() && ![".git", ".rtt"].includes(one.name) ? links(path) : [];
});
const mount = async (name, project, must) => void (await must(["rtt", "view", "mount", name], project));
const unmount = (name, project, must) => must(["rtt", "view", "unmount", name], project);

// The same by a mechanism that the machine has or has not; where not, RTT says why.
const by = (mechanism) => ({
  name: mechanism,
  async prepare(name, project, must) {
    const config = `${project}/.rtt/panel.yaml`;
    writeFileSync(config, `${readFileSync(config, "utf8").replace(/^views:\n( .*\n)*/m, "")}views:\n  mechanism: ${mechanism}\n`);
    await must(["rtt", "sign", "--yes"], project);
    await mount(name, project, must);
    const { shown } = JSON.parse(await must(["rtt", "view", "ls", "--json"], project));
    return shown.mechanism === mechanism ? undefined : shown.why;
  },
  async clear(name, project, must) {
    await unmount(name, project, must);
    await must(["git", "checkout", "-q", ".rtt"], project);
  },
});

export const layouts = [
  {
    name: "plain files", shown: false, // every link replaced by what it leads to, by cp and not by RTT
    async prepare(name, project, must) {
      await mount(name, project, must);
      for (const link of links(project)) {
        await must(["cp", "-rL", link, `${link}.plain`], project);
        rmSync(link);
        await must(["mv", `${link}.plain`, link], project);
      }
    },
    async clear(name, project, must) {
      await unmount(name, project, must);
      await must(["git", "clean", "-fdxq", "-e", ".rtt"], project);
    },
  },
  by("links"),
  by("copies"),
  by("hardlinks"),
  by("fuse"),
  by("erofs"),
  { // a view of its own for the one command; nothing is in the project
    name: "rtt run", shown: false,
    prepare: () => undefined,
    prefix: (name) => ["rtt", "run", "--provider", name, "--"],
    clear: () => undefined,
  },
  {
    name: "beside others", // the client's folders are there already and hold something
    async prepare(name, project, must) {
      await mount(name, project, must);
      const folders = links(project);
      await unmount(name, project, must);
      for (const folder of folders) {
        mkdirSync(folder, { recursive: true });
        writeFileSync(`${folder}/.keep`, "");
      }
      await mount(name, project, must);
    },
    async clear(name, project, must) {
      await unmount(name, project, must);
      await must(["git", "clean", "-fdxq", "-e", ".rtt"], project);
    },
  },
  {
    name: "all at once", // the views of all clients, and of one more that several of them read too
    async prepare(name, project, must) {
      await must(["rtt", "view", "mount", "claude", ...clients.map((client) => client.name)], project);
    },
    clear: (name, project, must) => must(["rtt", "view", "unmount", "claude", ...clients.map((client) => client.name)], project),
    compared: false,
  },
  {
    name: "a fault", // shows that a difference is seen
    fault: /^agents: 2 of 3$/,
    async prepare(name, project, must) {
      await mount(name, project, must);
      const [agents] = links(project).filter((link) => link.endsWith("/agents"));
      rmSync(`${agents}/${readdirSync(agents).find((file) => file.startsWith("reviewer"))}`);
    },
    clear: unmount,
  },
];
