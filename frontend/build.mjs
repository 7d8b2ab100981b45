/**
 * Builds the pages' scripts and styles into static/dist/ under stable names; the web server's manifest hashes them.
 *
 * In:  every frontend/*.js but job.js is the entry of one page (page.js is on every page);
 *      every frontend/styles/*.css goes into haechi.css, the shared ones first.
 * Out: static/dist/<entry>.js (one self-contained module each, so that no module names another under a hashed name),
 *      static/dist/haechi.css, a .css for each entry that draws a map, static/dist/theme.js, static/dist/maplibre-worker.js.
 */
import * as esbuild from "esbuild";
import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "static", "dist");
const LIBRARIES = new Set(["job.js"]);
const SHARED_STYLES = ["tokens.css", "base.css", "components.css", "layout.css"];
const OWN_BUNDLE_STYLES = new Set(["map.css"]); // imported by map.js, with MapLibre's own

const entries = readdirSync(here).filter((name) => name.endsWith(".js") && !LIBRARIES.has(name));
const styles = readdirSync(join(here, "styles")).filter((name) => name.endsWith(".css"));
const pageStyles = styles.filter((name) => !SHARED_STYLES.includes(name) && !OWN_BUNDLE_STYLES.has(name)).sort();

/** @type {esbuild.BuildOptions} */
const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  legalComments: "none",
  target: ["es2022", "chrome110", "firefox115", "safari16"],
  logLevel: "info",
};

/** @type {esbuild.BuildOptions[]} */
const builds = [
  { ...common, entryPoints: entries, outdir: out, format: "esm" },
  { ...common, entryPoints: ["lib/theme-boot.js"], outfile: join(out, "theme.js"), format: "iife" },
  {
    ...common,
    entryPoints: ["maplibre-gl/dist/maplibre-gl-worker.mjs"],
    outfile: join(out, "maplibre-worker.js"),
    format: "esm",
  },
  {
    ...common,
    stdin: {
      contents: [...SHARED_STYLES, ...pageStyles].map((name) => `@import "./styles/${name}";`).join("\n"),
      loader: "css",
      resolveDir: here,
    },
    outfile: join(out, "haechi.css"),
  },
];

mkdirSync(out, { recursive: true });
if (process.argv.includes("--watch")) {
  for (const options of builds) await (await esbuild.context(options)).watch();
} else {
  await Promise.all(builds.map((options) => esbuild.build(options)));
}
