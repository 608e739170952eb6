import { describe, expect, it } from "vitest";
import findings from "../../../kb/findings.txt?raw";
import { backoffDelay, LONGEST_DELAY_MS } from "../../src/core/backoff";
import { bo as consoleBo } from "../../src/i18n/console.bo";
import { zh as consoleZh } from "../../src/i18n/console.zh";
import { bo as deskBo } from "../../src/i18n/desk.bo";
import { zh as deskZh } from "../../src/i18n/desk.zh";
import { bo as knowledgeBo } from "../../src/i18n/knowledge.bo";
import { zh as knowledgeZh } from "../../src/i18n/knowledge.zh";
import { bo as portalBo } from "../../src/i18n/portal.bo";
import { zh as portalZh } from "../../src/i18n/portal.zh";
import { dialable } from "../../src/core/phone";
import { bo as offlineBo } from "../../src/i18n/offline.bo";
import { zh as offlineZh } from "../../src/i18n/offline.zh";
import { bo as recordingBo } from "../../src/i18n/recording.bo";
import { zh as recordingZh } from "../../src/i18n/recording.zh";
import { fill, languageOf, momentOf } from "../../src/i18n/translate";
import { emergencyNumbers, phonesIn, safeUrl } from "../../src/portal/links";
import { isEvent, parseServerMessage } from "../../src/protocol";

const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((m) => m[0]).sort();

for (const [page, zh, bo] of [
  ["portal", portalZh, portalBo],
  ["portal without a network", offlineZh, offlineBo],
  ["question about recordings", recordingZh, recordingBo],
  ["desk", deskZh, deskBo],
  ["console", consoleZh, consoleBo],
  ["knowledge", knowledgeZh, knowledgeBo],
] as const) {
  describe(`the words of the ${page}`, () => {
    it("exist in both languages, none of them empty", () => {
      expect(Object.keys(bo).sort()).toEqual(Object.keys(zh).sort());
      for (const text of [...Object.values(zh), ...Object.values(bo)]) expect(text.trim()).not.toBe("");
    });

    it("have the same places for values in both languages", () => {
      for (const key of Object.keys(zh)) {
        expect([key, places((bo as Record<string, string>)[key] ?? "")]).toEqual([key, places((zh as Record<string, string>)[key] ?? "")]);
      }
    });

    it("are Tibetan in Tibetan and Chinese in Chinese", () => {
      for (const [key, text] of Object.entries(bo)) expect([key, /[\u0f40-\u0fbc]/.test(text), /\p{Script=Han}/u.test(text)]).toEqual([key, true, false]);
      for (const [key, text] of Object.entries(zh)) expect([key, /\p{Script=Han}/u.test(text)]).toEqual([key, true]);
    });

    it("in Tibetan use no ASCII punctuation where Tibetan has its own, and no doubled tsheg", () => {
      for (const text of Object.values(bo)) expect(text).not.toMatch(/་་|[\u0f40-\u0fbc][.,!]/);
    });
  });
}

it("whatever a check of the knowledge base finds has words in both languages, with values that the server tells", () => {
  const list = findings.trim().split("\n").map((line) => line.split(" "));
  const prefix = "kbFound_";
  expect(list.map(([code]) => prefix + code).sort()).toEqual(Object.keys(knowledgeZh).filter((key) => key.startsWith(prefix)).sort());
  for (const [code, ...names] of list) {
    const text = (knowledgeZh as Record<string, string>)[prefix + code] ?? "";
    for (const place of places(text)) expect(names.map((name) => `{${name}}`), `${code}`).toContain(place);
  }
});

it("values are put into a text, and a place without a value stays visible", () => {
  expect(fill("等了 {n} 分钟 {x}", { n: 3 })).toBe("等了 3 分钟 {x}");
});

it("the language of words is told by their letters, mixed ones too", () => {
  expect(languageOf("身份证怎么换", "bo")).toBe("zh");
  expect(languageOf("ཐོབ་ཐང་ལག་ཁྱེར་ 身份证", "zh")).toBe("bo");
  expect(languageOf("我的ལག་ཁྱེར་丢了怎么补办", "bo")).toBe("zh");
  expect(languageOf("12345", "bo")).toBe("bo");
});

it("a number to be called back at is understood as people write it", () => {
  expect(["138 0013-8000", "༡༣༨༠༠༡༣༨༠༠༠", "１３８００１３８０００"].map(dialable)).toEqual(Array(3).fill("13800138000"));
  expect(dialable("＋86 (138) 0013 8000")).toBe("+8613800138000");
  for (const bad of ["", "12", "给我打电话", "1380013800012345", "138+0013", "++138"]) expect(dialable(bad)).toBeUndefined();
});

it("a moment has its day only where that is not today", () => {
  const now = new Date(2026, 10, 30, 9, 0).getTime();
  expect(momentOf(new Date(2026, 10, 30, 14, 5).toISOString(), now)).toEqual({ time: "14:05", month: 11, day: 30, today: true });
  expect(momentOf(new Date(2026, 11, 1, 9, 0).toISOString(), now)).toEqual({ time: "09:00", month: 12, day: 1, today: false });
});

it("links lead only where a citizen may be sent", () => {
  const at = (url: string) => safeUrl({ label: "x", url });
  expect(at("https://www.gov.cn/")).toBeDefined();
  expect(at("tel:12345")).toBeDefined();
  for (const url of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "gov.cn", ""]) expect(at(url)).toBeUndefined();
});

it("emergency numbers are found in both kinds of digits and not inside longer numbers", () => {
  expect(emergencyNumbers("急救 120，火警119，再拨120")).toEqual(["120", "119"]);
  expect(emergencyNumbers("༡༡༠ ལ་ཁ་པར་གཏོང་།")).toEqual(["110"]);
  expect(emergencyNumbers("电话 1101201")).toEqual([]);
});

it("telephone numbers are found as people write them, and sums, years and card numbers are none", () => {
  const numbers = (text: string) => phonesIn(text).map(({ dialled }) => dialled);
  expect(numbers("咨询电话 0891-6334567，或打12345，急救120")).toEqual(["08916334567", "12345", "120"]);
  expect(numbers("ཁ་པར་ ༡༢༣༣༣ ལ་གཏོང་།")).toEqual(["12333"]);
  expect(numbers("手机 13800138000，热线 400 812 3456")).toEqual(["13800138000", "4008123456"]);
  expect(numbers("补贴12345元，12345.5元，身份证540102199001011234，2026年，12%")).toEqual([]);
});

it("pauses between attempts grow, have a ceiling, and heed the server's wish", () => {
  expect([0, 1, 2].map((n) => backoffDelay(n, 0))).toEqual([250, 500, 1000]);
  expect(backoffDelay(50, 0.999)).toBeLessThanOrEqual(LONGEST_DELAY_MS);
  expect(backoffDelay(0, 0.5, 9000)).toBe(9000);
});

it("what is no message is told from what is, and signals from events", () => {
  for (const bad of ["", "[]", "null", "{}", '{"type":1}', "{"]) expect(parseServerMessage(bad)).toBeUndefined();
  const audio = parseServerMessage('{"type":"audio_start","audio_id":1,"seq":4,"codec":"opus","sample_rate":48000,"source":"agent"}');
  expect(audio !== undefined && isEvent(audio)).toBe(false);
});
