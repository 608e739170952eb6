// Pictures of every page at phone and desktop width in both languages, in SCREENSHOTS. Whoever changes a page looks at them: for overlap, boxes instead of
// letters, clipped stacks, broken lines. `make screenshots` runs it against a server of its own.
import { citizen, DESKTOP, LANGUAGES, openBrowser, openPage, PHONE, picture, required, suggestions, type, untilAnswered } from "../tests/e2e/stage.mjs";

const PLACES = [["phone", PHONE], ["desktop", DESKTOP]];
const CONSOLE = ["dashboard", "knowledge", "knowledge/idcard-renew", "proposals", "tryout", "clips", "recordings", "replies", "hours", "people", "audit"];
const CHOSEN = "ལྷ་ས་ barkhor 2026";
const browser = await openBrowser();

for (const language of LANGUAGES) {
  for (const [place, viewport] of PLACES) {
    const name = (what) => `${what}-${language}-${place}`;
    const page = await citizen(browser, language, { viewport });
    await picture(page, name("portal-welcome"));
    await type(page, (await suggestions(language))[0]);
    await untilAnswered(page);
    await picture(page, name("portal-answer"));
    await type(page, process.env[`CLARIFY_${language.toUpperCase()}`] ?? (language === "zh" ? "身份证" : "ཐོབ་ཐང་ལག་འཁྱེར།"));
    await page.locator("[data-testid^=choice-]").first().waitFor({ timeout: 10_000 }).catch(() => undefined);
    await picture(page, name("portal-choices"));
    await page.getByTestId("person").click();
    await page.waitForTimeout(1500);
    await picture(page, name("portal-waiting"));

    const desk = await openPage(browser, "/desk", { viewport, language });
    await desk.locator(`button[lang^=${language}]`).first().click();
    await picture(desk, name("desk-login"));
    await desk.fill("input[name=name]", required("AGENT_NAME"));
    await desk.fill("input[name=password]", required("AGENT_PASSWORD"));
    await desk.press("input[name=password]", "Enter");
    await desk.getByTestId("waiting").waitFor({ state: "attached" });
    await picture(desk, name("desk-queue"));
    const claim = desk.getByTestId("claim").first();
    await claim.click({ timeout: 5000 }).catch(() => undefined);
    await desk.waitForTimeout(800);
    await picture(desk, name("desk-conversation"));
    await page.context().close();
    await desk.context().close();
  }
}

let password = required("OPERATOR_PASSWORD");
for (const language of LANGUAGES) {
  for (const [place, viewport] of PLACES) {
    const page = await openPage(browser, "/console", { viewport, language });
    await page.fill("input[name=name]", required("OPERATOR_NAME"));
    await page.fill("input[name=password]", password);
    await page.press("input[name=password]", "Enter");
    if (password !== CHOSEN) {
      await page.fill("input[name=current]", password);
      await page.fill("input[name=chosen]", CHOSEN);
      await page.press("input[name=chosen]", "Enter");
      password = CHOSEN;
    }
    await page.locator("main h1").waitFor();
    await page.locator(`button[lang^=${language}]`).first().click();
    for (const one of CONSOLE) {
      await page.evaluate((to) => (window.location.hash = `#/${to}`), one);
      await page.waitForTimeout(900);
      await picture(page, `console-${one.replace("/", "-")}-${language}-${place}`);
    }
    await page.context().close();
  }
}
await browser.close();
console.log(`pictures are in ${process.env.SCREENSHOTS}`);
