// SPDX-License-Identifier: Apache-2.0
// What a client said and asked, as one text that is the same for the same answers: without what is of the one run (ids,
// times, addresses), without where the view lies, and with skills in one order, since clients take a folder's. Left out
// are lines that draw the project's folders, where a link looks otherwise than a folder; codex's note on its own run; and
// what OpenCode lists beside a skill, which leaves out what git is told to look past (copies and hard links); and that
// `rtt run` keeps a file which the client wrote, as OpenCode does its own `.gitignore`.
const ofTheRun = [
  [/WORK\/run\/rtt\/views-\w+\/[^/]+\/[a-z]+\/gen-\d+|WORK\/run\/rtt\/views-\w+-images\/[^/]+\/[0-9a-f]+\/[a-z]+/g, "PROJECT"],
  [/(\.\.\/)+run\/rtt\/(views-\w+\/[^/]+\/[a-z]+\/gen-\d+|views-\w+-images\/[^/]+\/[0-9a-f]+\/[a-z]+)\//g, ""],
  [/\.rtt\/registry\/views\/(trees\/[0-9a-f]{64}|now\/[a-z]+)\//g, ""],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "ID"],
  [/\b(ses|msg|call|prt)_[0-9A-Za-z]{20,}/g, "ID"],
  [/_\d{13}_/g, "_ID_"],
  [/"nickname":"\w+"|"create_time": [0-9.]+/g, "ID"],
  [/Chunk ID: \w+|Wall time: [0-9.]+ seconds|succeeded in \d+ms/g, "TIME"],
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.]*Z?/g, "TIME"],
  [/127\.0\.0\.1:\d+/g, "ADDRESS"],
  [/^[│ ]*[├└]───.*\n|Showing up to \d+ items.*/gm, ""],
  [/^rtt run: of \w+'s view .*\n/gm, ""],
  [/<skill_files>[^]*?<\/skill_files>/g, ""],
  [/(<skill>[^]*?<\/skill>\s*)+/g, (skills) => skills.trim().split(/(?<=<\/skill>)\s*/).sort().join("\n")],
];
const byText = (a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1); // which server answers first is no answer
const dropped = new Set(["client_metadata"]);

function plain(value, places) {
  if (typeof value === "string") {
    let text = value;
    for (const [place, name] of places) text = text.replaceAll(place, name);
    for (const [what, by] of ofTheRun) text = text.replace(what, by);
    return text;
  }
  if (Array.isArray(value)) return value.map((one) => plain(one, places));
  if (value === null || typeof value !== "object") return value;
  const member = (key) => (key === "tools" && Array.isArray(value[key]) ? [...value[key]].sort(byText) : value[key]);
  return Object.fromEntries(Object.keys(value).sort().filter((key) => !dropped.has(key)).map((key) => [key, plain(member(key), places)]));
}

// `places`: [[path, name]], the longer paths first. Of what a command printed the order of lines is no answer.
export function asText({ listed, model }, places) {
  const lines = listed.map(({ code, out, err }) => [code, ...plain(out + err, places).split("\n").sort()]);
  const agents = [...model.agents].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(plain({ lines, client: model.client, agents }, places), null, 1);
}

// The first lines in which two texts differ, for people; nothing where they are equal.
export function difference(one, other) {
  if (one === other) return;
  const [a, b] = [one.split("\n"), other.split("\n")];
  const at = a.findIndex((line, i) => line !== b[i]);
  const around = (line = "", from = 0) => line.slice(Math.max(0, from - 60), from + 120);
  const from = [...(a[at] ?? "")].findIndex((c, i) => c !== (b[at] ?? "")[i]);
  return `line ${at + 1}: …${around(a[at], from)}… is …${around(b[at], from)}…`;
}
