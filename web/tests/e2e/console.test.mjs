// The operators' console against the real server: figures, accounts, hours, replies, recordings, the audit trail.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, assertFaultless, citizen, DESKTOP, LANGUAGES, openBrowser, openPage, PHONE, picture, suggestions, type, untilAnswered } from "./stage.mjs";

const skip = process.env.OPERATOR_PASSWORD === undefined && "the server that stands in has no operators";
const CHOSEN = "八廓街 operator 2026";
const PAGES = ["dashboard", "clips", "recordings", "replies", "hours", "people", "audit"];

let browser;
let password = process.env.OPERATOR_PASSWORD;
before(async () => (browser = await openBrowser()));
after(() => browser?.close());

/** The operator's console, logged in, with a password of their own. */
async function operator({ language = "zh", viewport = DESKTOP, hash = "", ...options } = {}) {
  const page = await openPage(browser, `/console${hash}`, { language, viewport, ...options });
  await page.locator(`button[lang^=${language}]`).click();
  await page.fill("input[name=name]", process.env.OPERATOR_NAME);
  await page.fill("input[name=password]", password);
  await page.press("input[name=password]", "Enter");
  const chosen = page.locator("input[name=chosen]");
  await page.locator("nav").or(chosen).first().waitFor({ state: "attached" });
  if (await chosen.isVisible()) {
    await page.fill("input[name=current]", password);
    await chosen.fill((password = CHOSEN));
    await chosen.press("Enter");
    await page.locator("nav").waitFor({ state: "attached" });
  }
  return page;
}

/** Nothing sticks out sideways. */
async function assertFits(page) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= window, `${page.url()} is ${wide} px wide in a window of ${window}`);
}

async function settled(page) {
  await page.waitForLoadState("networkidle");
  await page.waitForFunction(() => !/正在打开|ཁ་ཕྱེ་བཞིན/.test(document.querySelector("main")?.textContent ?? ""));
}

test("what citizens ask shows in the figures, and each plot has its numbers beside it", { skip }, async () => {
  const page = await operator();
  await settled(page);
  const before = Number(await page.getByTestId("questions").innerText());
  const asks = await citizen(browser, "zh");
  await type(asks, (await suggestions("zh"))[0]);
  await untilAnswered(asks);
  await type(asks, "qwertz uiop 氢氦锂铍");
  await asks.waitForTimeout(1000);
  await asks.close();
  await page.reload();
  await settled(page);
  assert.ok(Number(await page.getByTestId("questions").innerText()) >= before + 1);
  const plots = page.locator("figure");
  assert.ok((await plots.count()) >= 3);
  for (const plot of await plots.filter({ has: page.locator("svg[role=img]") }).all()) {
    await plot.locator("summary").click();
    assert.ok(await plot.locator("tbody tr").first().isVisible());
  }
  await page.getByTestId("unresolved").locator("li").first().waitFor();
  assertFaultless(page);
  await page.close();
});

test("an account is added with a password that is shown once, changed, disabled, and the last admin stays", { skip }, async () => {
  const page = await operator({ hash: "#/people" });
  await page.getByRole("button", { name: "新增人员" }).first().click();
  await page.fill("dialog input[name=name]", "norbu");
  await page.fill("dialog input[name=display]", "诺布");
  await page.locator("dialog input[value=editor]").check();
  await page.locator("dialog button[type=submit]").click();
  const first = await page.getByTestId("password").innerText();
  assert.match(first, /^\w{5}(-\w{5})+$/);
  const norbu = page.getByTestId("person-norbu");
  await norbu.getByText("编辑").waitFor();
  await page.getByRole("button", { name: "新增人员" }).first().click();
  await page.fill("dialog input[name=name]", "norbu");
  await page.locator("dialog button[type=submit]").click();
  await page.locator("dialog [role=alert]").getByText("已经有这个用户名了").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await norbu.getByRole("button", { name: "停用" }).click();
  await page.locator("dialog button[type=submit]").click();
  await norbu.getByText("已停用").waitFor();

  const own = page.getByTestId(`person-${process.env.OPERATOR_NAME}`);
  await own.getByRole("button", { name: "修改" }).click();
  await page.locator("dialog input[value=admin]").uncheck();
  await page.locator("dialog button[type=submit]").click();
  await page.locator("dialog [role=alert]").getByText("最后一个能管理账号的人").waitFor();
  await page.keyboard.press("Escape");
  await page.goto(page.url().replace("people", "audit"));
  await page.locator("select[name=action]").selectOption("person.disabled");
  await page.getByRole("button", { name: "查找" }).click();
  const row = page.getByTestId("records").locator("tbody tr").first();
  await row.getByText("停用账号").waitFor();
  assert.equal(await row.getByText(process.env.OPERATOR_NAME).count(), 1);
  assert.match(await page.getByTestId("head").innerText(), /^\d+:[0-9a-f]{64}$/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "导出 JSON" }).click()]);
  const lines = (await (await download.createReadStream()).toArray()).join("").trim().split("\n");
  assert.ok(lines.every((line) => JSON.parse(line).action === "person.disabled"));
  // The name that is taken, and the last admin.
  page.faults = page.faults.filter((fault) => !/status of 409/.test(fault));
  assertFaultless(page);
  await page.close();
});

test("hours are changed, nonsense is refused in words, and the configured ones come back", { skip }, async () => {
  const page = await operator({ hash: "#/hours" });
  await page.getByRole("button", { name: "星期一 加一段时间" }).click();
  const [from, to] = [page.getByLabel("星期一 从"), page.getByLabel("星期一 到")];
  await from.fill("18:00");
  await to.fill("09:00");
  await page.getByRole("button", { name: "保存" }).click();
  await page.getByTestId("problem").getByText("星期一：结束时间要在开始时间之后").waitFor();
  await from.fill("00:00");
  await to.fill("00:00");
  await page.getByRole("button", { name: "保存" }).click();
  await page.getByTestId("done").waitFor();
  await page.reload();
  await page.getByText("现在用的是在这里改过的时间").waitFor();
  assert.equal(await from.inputValue(), "00:00");
  await page.getByRole("button", { name: "改回配置文件里的时间" }).click();
  await page.getByTestId("always").waitFor();
  assertFaultless(page);
  await page.close();
});

test("the console is used by keys alone: the menu, the page's heading, a dialog and back", { skip }, async () => {
  const page = await operator({ hash: "#/people" });
  await page.locator("h1").waitFor();
  await page.locator("nav a").first().focus();
  await page.keyboard.press("Tab");
  const next = await page.evaluate(() => document.activeElement.textContent.trim());
  await page.keyboard.press("Enter");
  await page.waitForFunction((name) => document.activeElement.tagName === "H1" && document.activeElement.textContent === name, next);
  await page.goBack();
  await page.locator("h1").getByText("人员和角色").waitFor();
  const add = page.getByRole("button", { name: "新增人员" }).first();
  await add.focus();
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor();
  await assertAccessible(page);
  assert.ok(await page.evaluate(() => document.querySelector("dialog").contains(document.activeElement)));
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.ok(await add.evaluate((button) => button === document.activeElement), "the focus is back where it was");
  await page.close();
});

for (const language of LANGUAGES) {
  for (const [size, viewport] of [["phone", PHONE], ["desktop", DESKTOP]]) {
    test(`every page fits, and axe finds nothing serious: ${language}, ${size}`, { skip }, async () => {
      const page = await operator({ language, viewport });
      for (const name of PAGES) {
        await page.evaluate((hash) => (location.hash = hash), `#/${name}`);
        await settled(page);
        await assertFits(page);
        await assertAccessible(page);
        await picture(page, `console-${language}-${size}-${name}`);
      }
      assertFaultless(page);
      await page.close();
    });
  }
}

test("at twice the size of everything nothing is cut off", { skip }, async () => {
  const page = await operator({ viewport: { width: DESKTOP.width / 2, height: DESKTOP.height / 2 } });
  for (const name of PAGES) {
    await page.evaluate((hash) => (location.hash = hash), `#/${name}`);
    await settled(page);
    await assertFits(page);
  }
  await page.close();
});
