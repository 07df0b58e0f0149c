// The hook's code in Node, with a host of the tests' own.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as logic from "../src/logic.js";
import { decode, encode } from "../src/utf8.js";
import { fakeHost, source } from "./fake-host.js";

const changes = [source("zlib", "1.3.1-1"), source("bash", "5.2.37-2")];
@if pass
const pass = { distribution: "debian", archive: "debian", suites: [], priority: 1 };
@end

test("sources are in order", () => {
  assert.deepEqual(logic.published(fakeHost({ changes })).map(([name]) => name), ["bash", "zlib"]);
});

test("texts are bytes and back", () => {
  for (const text of ["", "plain\n", "é 漢 😀 %41"]) {
    assert.deepEqual(encode(text), new TextEncoder().encode(text));
    assert.equal(decode(encode(text)), text);
  }
});
@if pre-publication

test("sources are listed before publication", () => {
  const host = fakeHost({ changes });
  assert.equal(logic.prePublication(pass, host).outcome, "done");
  assert.equal(host.files.get(logic.PATH), "bash 5.2.37-2\nzlib 1.3.1-1\n");
});

test("a source can be held", () => {
  const host = fakeHost({ changes, config: { hold: ["zlib"] } });
  assert.throws(() => logic.prePublication(pass, host), { tag: "veto" });
  assert.equal(host.files.size, 0);
});
@end
@if post-publication

test("sources are counted after publication", () => {
  assert.equal(logic.postPublication(pass, fakeHost({ changes })).summary, "2 sources published in debian");
  assert.equal(logic.postPublication(pass, fakeHost()).outcome, "skipped");
});
@end
@if finalize

test("passes are counted at the end", () => {
  const host = fakeHost({ changes });
  const end = { archives: ["debian"] };
  assert.match(logic.finalize(end, host).summary, /^pass 1 /);
  assert.match(logic.finalize(end, host).summary, /^pass 2 /);
});
@end
