// A host for the tests: it has what the test gives it, and records what the hook does.

export function fakeHost({ config = {}, changes = [] } = {}) {
  const host = {
    lines: [],
    files: new Map(),
    values: new Map(),
    archive: {
      changes: () => {
        const left = [...changes];
        return { next: (most) => left.splice(0, most) };
      },
    },
    config: { get: () => JSON.stringify(config) },
    log: { write: (level, message) => host.lines.push(`${level}: ${message}`) },
    staging: { write: (path, content) => host.files.set(path, new TextDecoder().decode(content)) },
    state: { get: (key) => host.values.get(key), set: (key, value) => host.values.set(key, value) },
  };
  return host;
}

/** A source that the pass publishes; what else a change has is not looked at here. */
export const source = (name, version) => ({ kind: "source", action: "published", name, version });
