// Looks at a comparison's page in a real browser, as two readers and a printer
// see it. Run by hand, not by the tests:
//
//   levinv compare --html page.html
//   npm install playwright-core          # anywhere above this file
//   CHROMIUM=/usr/bin/chromium node tests/browser/check_page.mjs page.html [out-dir]
//
// Exit code 1 if anything sticks out, is missing or cannot be read.

import { chromium } from "playwright-core";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [file, out = "."] = process.argv.slice(2);
const problems = [];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
// Without a network: the page must need none.
const context = await browser.newContext({ offline: true });
const page = await context.newPage();
page.on("console", (m) => m.type() === "error" && problems.push(`console: ${m.text()}`));
page.on("pageerror", (e) => problems.push(`script: ${e.message}`));
page.on("request", (r) => r.url().startsWith("file:") || problems.push(`asks for ${r.url()}`));
await page.goto(pathToFileURL(resolve(file)).href);

/** What is wrong with the page as it is laid out now. */
const inspect = (open) =>
  page.evaluate((open) => {
    for (const d of document.querySelectorAll("details")) d.open = open;
    const wrong = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width)
      wrong.push(`scrolls sideways: ${document.documentElement.scrollWidth} > ${width}`);
    let shown = 0;
    for (const svg of document.querySelectorAll("svg")) {
      const box = svg.getBoundingClientRect();
      if (box.width === 0 && !open) continue;
      shown += 1;
      const name = svg.getAttribute("aria-label");
      if (box.width < 150 || box.height < 80) wrong.push(`«${name}» is ${box.width}×${box.height}`);
      if (box.right > width + 1) wrong.push(`«${name}» sticks out: ${box.right} > ${width}`);
      const texts = [...svg.querySelectorAll("text")];
      if (texts.length < 4) wrong.push(`«${name}» has ${texts.length} labels`);
      for (const text of texts) {
        const t = text.getBoundingClientRect();
        const cut = t.left < box.left - 2 || t.right > box.right + 2 || t.top < box.top - 2 || t.bottom > box.bottom + 2;
        if (cut) wrong.push(`«${name}»: label «${text.textContent.trim()}» is cut off`);
      }
    }
    const tables = [...document.querySelectorAll("table")];
    for (const table of tables) {
      const rows = table.tBodies[0].rows;
      const columns = table.tHead.rows[0].cells.length;
      if (rows.length === 0) wrong.push("an empty table");
      for (const row of rows) if (row.cells.length !== columns) wrong.push("a ragged table");
    }
    return { wrong, shown, tables: tables.length };
  }, open);

for (const width of [1280, 400]) {
  await page.setViewportSize({ width, height: 900 });
  for (const open of [false, true]) {
    const { wrong, shown, tables } = await inspect(open);
    console.log(`${width} px, ${open ? "all open" : "as it loads"}: ${shown} plots, ${tables} tables`);
    problems.push(...wrong.map((w) => `${width} px: ${w}`));
  }
  await inspect(false);
  await page.screenshot({ path: `${out}/page-${width}.png`, fullPage: true });
}

// A click on a head sorts, a second one the other way.
await page.setViewportSize({ width: 1280, height: 900 });
const column = (k) =>
  page.$$eval("table", (tables, k) => [...tables[0].tBodies[0].rows].map((r) => r.cells[k].textContent), k);
await page.click("table th:nth-child(2) button");
const up = await column(1);
await page.click("table th:nth-child(2) button");
const down = await column(1);
const sorted = [...up].sort((a, b) => a.localeCompare(b));
if (up.join() !== sorted.join()) problems.push("the first click does not sort");
if (down.join() !== sorted.reverse().join()) problems.push("the second click does not sort back");

await page.pdf({ path: `${out}/page.pdf`, format: "A4", printBackground: true });
await browser.close();
problems.forEach((p) => console.log(`WRONG ${p}`));
console.log(problems.length === 0 ? "nothing wrong" : `${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
