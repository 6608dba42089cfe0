// Opens a Dockerfile in VS Code as a user does who has installed slimify.vsix: saves it, takes that back, opens the menu
// of code actions, and runs the extension's commands. VS Code is code-server, its window a page in Chromium.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, openSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const { SLIMIFY_CODE_SERVER, SLIMIFY_CHROMIUM, SLIMIFY_VSIX, SLIMIFY_PROGRAM } = process.env;
const { SLIMIFY_FILE, SLIMIFY_TOLD, SLIMIFY_PICTURES, HOME } = process.env;
const { chromium } = createRequire(realpathSync(SLIMIFY_CODE_SERVER))("playwright-core");
const PATIENCE = 180_000;

const data = path.join(HOME, "data");
const home = ["--user-data-dir", data, "--extensions-dir", path.join(HOME, "extensions")];
const settings = {
  "[dockerfile]": { "editor.formatOnSave": true },
  "files.autoSave": "off",
  "chat.disableAIFeatures": true,
  "editor.minimap.enabled": false,
  "security.workspace.trust.enabled": false,
  "workbench.activityBar.location": "hidden",
  "workbench.colorTheme": "Default Light Modern",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
};
for (const [where, what] of [["User", settings], ["Machine", { "slimify.server.path": SLIMIFY_PROGRAM }]]) {
  mkdirSync(path.join(data, where), { recursive: true });
  writeFileSync(path.join(data, where, "settings.json"), JSON.stringify(what));
}
const installed = spawnSync(SLIMIFY_CODE_SERVER, [...home, "--install-extension", SLIMIFY_VSIX], { encoding: "utf8" });
if (installed.status !== 0) {
  throw new Error(installed.stdout + installed.stderr);
}

const address = await new Promise((resolve) => {
  const free = createServer().listen(0, "127.0.0.1", () => {
    const { port } = free.address();
    free.close(() => resolve(`127.0.0.1:${port}`));
  });
});
const log = openSync(path.join(HOME, "server.log"), "w");
const quiet = ["--auth", "none", "--disable-telemetry", "--disable-update-check"];
let server;
let ending = false;
function serve() {
  server = spawn(SLIMIFY_CODE_SERVER, [...home, ...quiet, "--bind-addr", address], { stdio: ["ignore", log, log] });
  // It gives up where its own second process is not there soon, which a busy machine takes a while for.
  server.on("exit", () => ending || serve());
}
serve();
const browser = await chromium.launch({
  executablePath: SLIMIFY_CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1000, height: 560 } });
page.setDefaultTimeout(PATIENCE);

/** Ask again and again until there is an answer. */
async function until(what, ask) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await ask();
    if (found) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`no ${what}`);
    }
    await sleep(100);
  }
}

async function picture(name) {
  if (SLIMIFY_PICTURES) {
    await sleep(1000);
    await page.screenshot({ path: path.join(SLIMIFY_PICTURES, `${name}.png`) });
  }
}

const text = () => readFileSync(SLIMIFY_FILE, "utf8");
const edited = () => page.locator(".tab.dirty").count();
const offered = page.locator(".action-widget .monaco-list-row.action");

async function command(name) {
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget .input").first().waitFor();
  await page.keyboard.type(name);
  const row = page.locator(".quick-input-list .monaco-list-row").filter({ hasText: name }).first();
  await row.waitFor();
  await row.click();
}

async function place(line, column) {
  await page.keyboard.press("Control+G");
  await page.locator(".quick-input-widget .input").first().waitFor();
  await page.keyboard.type(`${line}:${column}`);
  await page.keyboard.press("Enter");
  await until("cursor", async () => (await position()).startsWith(`Ln ${line}, Col ${column}`));
}

const position = () => page.locator("#status\\.editor\\.selection").innerText();

/** The titles in the menu of code actions. VS Code drops it where its own look for a light bulb comes in between. */
async function menu() {
  await until("menu", async () => {
    await page.keyboard.press("Control+.");
    return offered.first().waitFor({ timeout: 5000 }).then(() => true, () => false);
  });
  return offered.allInnerTexts();
}

/** What is on the disk when the text is saved as it is, after which it is `before` again. */
async function kept(before) {
  await until("edit", edited);
  await command("File: Save without Formatting");
  await until("saved file", async () => !(await edited()));
  const found = text();
  if (before !== undefined) {
    await page.keyboard.press("Control+Z");
    await until("undo", edited);
    await command("File: Save without Formatting");
    await until("saved file", async () => !(await edited()));
  }
  return found;
}

const found = {};
try {
  await until("server", () => fetch(`http://${address}/healthz`).then((answer) => answer.ok, () => false));
  const opened = JSON.stringify([["openFile", `vscode-remote://${address}${SLIMIFY_FILE}`]]);
  const query = new URLSearchParams({ folder: path.dirname(SLIMIFY_FILE), payload: opened });
  await page.goto(`http://${address}/?${query}`);
  await page.locator(".squiggly-info").first().waitFor();
  await page.locator(".view-line").first().click();
  await page.keyboard.press("Control+B"); // no side bar
  found.problems = await page.locator("#status\\.problems").getAttribute("aria-label");
  await picture("before");

  const before = text();
  const last = before.trimEnd().split("\n").length;
  await place(last, 3);
  await page.keyboard.press("Control+S");
  await until("saved file", () => text() !== before);
  // The disk has it before VS Code has heard that it does; what is undone in between counts as saved.
  await until("saved file", async () => !(await edited()));
  await sleep(2000);
  found.saved = text();
  await picture("after");
  found.line = await until("cursor", async () => {
    const [, line, column] = /Ln (\d+), Col (\d+)/.exec(await position());
    return column === "3" && text().split("\n")[line - 1];
  });
  await page.keyboard.press("Control+Z");
  found.undone = await kept();

  await place(1, 1);
  found.offered = await menu();
  await picture("actions");
  await offered.filter({ hasText: "slim-base" }).or(offered.filter({ hasText: "split-stage" })).first().click();
  found.one = await kept(before);

  await command("slimify: Fix");
  found.fixed = await kept(before);

  await command("slimify: Fix with Preview");
  const apply = page.locator(".notifications-toasts .monaco-button").filter({ hasText: "Apply" });
  await apply.waitFor();
  found.compared = await page.locator(".tab.active").getAttribute("aria-label");
  await picture("preview");
  await apply.click();
  found.previewed = await kept();
  found.tabs = await page.locator(".tab").count();
} catch (error) {
  found.error = String(error);
  await page.screenshot({ path: path.join(HOME, "error.png") });
} finally {
  writeFileSync(SLIMIFY_TOLD, JSON.stringify(found));
  await browser.close();
  ending = true;
  server.kill();
}
