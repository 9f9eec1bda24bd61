// Builds dist/ from src/ and the locked packages; `--check` rebuilds in memory and compares.
//
// dist/ is committed, so that nobody needs Node to run the product. See README.md.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";
import * as sass from "sass";

const here = path.dirname(fileURLToPath(import.meta.url));
const at = (...parts) => path.join(here, ...parts);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const FONT = "@fontsource/source-sans-3";
const FONT_WEIGHTS = [400, 600, 700];
const FONT_SUBSETS = ["latin", "latin-ext"];
const SHEETS = ["app", "dso"];
const SCRIPTS = {
  theme: "theme",
  app: "app",
  portal: "portal",
  charts: "charts",
  oneline: "oneline",
  htmx: "htmx.min",
};
const LICENCES = ["bootstrap", "echarts", "zrender", "tslib", "htmx.org", FONT];

async function fonts(files) {
  const faces = [];
  for (const weight of FONT_WEIGHTS) {
    for (const subset of FONT_SUBSETS) {
      const name = `source-sans-3-${subset}-${weight}-normal.woff2`;
      files.set(`fonts/${name}`, await readFile(at("node_modules", FONT, "files", name)));
      faces.push(await face(subset, weight, name));
    }
  }
  return faces.join("");
}

// The range of characters is the package's own: a browser fetches latin-ext only where a page
// has such a letter.
async function face(subset, weight, name) {
  const css = await readFile(at("node_modules", FONT, `${weight}.css`), "utf8");
  const block = css.split("@font-face").find((text) => text.includes(name));
  const range = /unicode-range:\s*([^;}]+)/.exec(block)[1].trim();
  return (
    `@font-face{font-family:"Source Sans 3";font-style:normal;font-display:swap;` +
    `font-weight:${weight};src:url(../fonts/${name}) format("woff2");unicode-range:${range}}`
  );
}

function sheet(name) {
  return sass.compile(at("src/scss", `${name}.scss`), {
    style: "compressed",
    charset: false,
    loadPaths: [at("node_modules")],
    quietDeps: true,
    silenceDeprecations: ["import", "global-builtin", "color-functions", "if-function"],
  }).css;
}

async function script(name) {
  const built = await esbuild.build({
    absWorkingDir: here,
    entryPoints: [`src/js/${name}.js`],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["chrome109", "firefox115", "safari16"],
    legalComments: "none",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return Buffer.from(built.outputFiles[0].contents);
}

async function licences() {
  const texts = [];
  for (const name of LICENCES) {
    const folder = at("node_modules", name);
    const { version } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
    const found = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)(\.|$)/i.test(file));
    for (const file of found.sort()) {
      const text = await readFile(path.join(folder, file), "utf8");
      texts.push(`${name} ${version}: ${file}\n\n${text.replaceAll("\r\n", "\n").trim()}\n`);
    }
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

async function sources() {
  const found = ["build.mjs", "package.json", "package-lock.json"];
  for (const folder of ["src/img", "src/js", "src/scss"]) {
    found.push(...(await readdir(at(folder))).map((name) => `${folder}/${name}`));
  }
  return found.sort();
}

async function build() {
  const files = new Map();
  const faces = await fonts(files);
  for (const name of SHEETS) files.set(`css/${name}.css`, Buffer.from(`${faces}${sheet(name)}\n`));
  for (const [name, out] of Object.entries(SCRIPTS)) files.set(`js/${out}.js`, await script(name));
  files.set("img/icon.svg", await readFile(at("src/img/icon.svg")));
  files.set("licences.txt", Buffer.from(await licences()));

  const lock = JSON.parse(await readFile(at("package-lock.json"), "utf8"));
  const direct = Object.keys({ ...lock.packages[""].dependencies, ...lock.packages[""].devDependencies });
  const manifest = {
    built_from: Object.fromEntries(
      direct.sort().map((name) => [name, lock.packages[`node_modules/${name}`].version]),
    ),
    sources: {},
    files: {},
  };
  for (const name of await sources()) manifest.sources[name] = sha256(await readFile(at(name)));
  for (const name of [...files.keys()].sort()) {
    manifest.files[name] = { sha256: sha256(files.get(name)), bytes: files.get(name).length };
  }
  files.set("manifest.json", Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  return files;
}

async function shipped() {
  const entries = await readdir(at("dist"), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(at("dist"), path.join(entry.parentPath, entry.name)));
}

const files = await build();
if (process.argv.includes("--check")) {
  const wrong = (await shipped()).filter((name) => !files.has(name)).map((name) => `${name}: not built`);
  for (const [name, bytes] of files) {
    const there = await readFile(at("dist", name)).catch(() => null);
    if (there === null) wrong.push(`${name}: missing`);
    else if (!there.equals(bytes)) wrong.push(`${name}: differs from a rebuild`);
  }
  if (wrong.length) {
    console.error(`assets/dist is not what its sources build:\n  ${wrong.sort().join("\n  ")}`);
    process.exit(1);
  }
  console.log(`assets/dist: ${files.size} files, all equal to a rebuild`);
} else {
  await rm(at("dist"), { recursive: true, force: true });
  for (const [name, bytes] of files) {
    await mkdir(path.dirname(at("dist", name)), { recursive: true });
    await writeFile(at("dist", name), bytes);
    console.log(`${String(bytes.length).padStart(8)}  dist/${name}`);
  }
}
