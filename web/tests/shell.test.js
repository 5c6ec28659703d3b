import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const client = new URL("../client/", import.meta.url);
const html = readFileSync(new URL("index.html", client), "utf8");
const modules = readdirSync(new URL("app/", client), { recursive: true })
  .filter((name) => name.endsWith(".js"))
  .map((name) => `/app/${name}`)
  .sort();

test("every module is preloaded, so that the page needs two round trips whatever the imports", () => {
  const preloaded = [...html.matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(([, href]) => href).sort();
  assert.deepEqual(preloaded, modules);
});

test("the page obeys its Content-Security-Policy: nothing inline, nothing from elsewhere", () => {
  assert.doesNotMatch(html, /\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)/i);
  assert.doesNotMatch(html, /(?:src|href)="(?!\/|#)/);
});

test("every module is type-checked", () => {
  for (const name of modules) {
    assert.match(readFileSync(new URL(`.${name}`, client), "utf8"), /^\/\/ @ts-check\n/, name);
  }
});
