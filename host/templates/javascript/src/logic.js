// Lists the sources that a publication brings.
//
// Each point gets its context and the host, whose interfaces are those of wit/. It returns a report, or throws { tag, val } with the tag
// "veto", "temporary" or "failed".
@if bytes

import { {{js-bytes}} } from "./utf8.js";
@end

const PAGE = 500;
@if pre-publication
export const PATH = "project/{{name}}.txt";
@end

/** The sources that this pass publishes, as [name, version], by name. */
export function published(host) {
  const sources = new Map();
  const changes = host.archive.changes();
  for (let page = changes.next(PAGE); page.length > 0; page = changes.next(PAGE)) {
    for (const change of page) {
      if (change.kind === "source" && change.action === "published") sources.set(change.name, change.version);
    }
  }
  return [...sources].sort(([one], [other]) => (one < other ? -1 : 1));
}

@if pre-publication
/** Why something was not done: an error of the host carries what the interface says as its payload. */
const reason = ({ payload, message }) => (payload ? `${payload.tag} ${payload.val ?? ""}` : message);
@end
const done = (summary) => ({ outcome: "done", summary, details: "" });
const skipped = () => ({ outcome: "skipped", summary: "no sources were published", details: "" });
@if pre-publication

export function prePublication(context, host) {
  const { hold = [] } = JSON.parse(host.config.get());
  const sources = published(host);
  const held = hold.find((name) => sources.some(([source]) => source === name));
  if (held !== undefined) throw { tag: "veto", val: `${held} is held by the configuration of this hook` };
  if (sources.length === 0) return skipped();
  for (const [name, version] of sources) host.log.write("info", `${name} ${version}`);
  const list = sources.map(([name, version]) => `${name} ${version}\n`).join("");
  try {
    host.staging.write(PATH, encode(list));
  } catch (error) {
    throw { tag: "failed", val: `cannot write ${PATH}: ${reason(error)}` };
  }
  return done(`listed ${sources.length} sources in ${PATH}`);
}
@end
@if post-publication

export function postPublication(context, host) {
  const sources = published(host);
  if (sources.length === 0) return skipped();
  for (const [name, version] of sources) host.log.write("info", `${name} ${version}`);
  return done(`${sources.length} sources published in ${context.archive}`);
}
@end
@if finalize

export function finalize(context, host) {
  const sources = published(host);
  if (sources.length === 0) return skipped();
  const before = host.state.get("passes");
  const passes = Number(before ? decode(before) : 0) + 1;
  host.state.set("passes", encode(String(passes)));
  return done(`pass ${passes} brought ${sources.length} sources to ${context.archives.length} archives`);
}
@end
