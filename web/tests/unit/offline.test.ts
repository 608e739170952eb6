import { webcrypto } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ExtractStore, judge, type Extract, type KeptEntry, type SignedExtract } from "../../src/core/offline/extract";
import { Matcher, piecesOf } from "../../src/core/offline/matcher";
import { memoryShelf } from "../../src/core/keeper";

const NOW = Date.parse("2026-06-15T04:00:00Z");
const DAY = 24 * 3600 * 1000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const base64 = (bytes: ArrayBuffer) => Buffer.from(bytes).toString("base64url");

function entry(id: string, question: string, variants: string[] = []): KeptEntry {
  return {
    entry: id, topic: "t", revision: "1", question, variants, text: "答", steps: [], documents: [], links: [], depends: false, sample: false, awaiting_review: false,
  };
}

function extract(changes: Partial<Extract> = {}): Extract {
  return {
    format: 1, language: "zh", revision: "r", made_at: new Date(NOW - DAY).toISOString(), valid_until: new Date(NOW + DAY).toISOString(),
    notice: "", emergency: "120", topics: [], entries: [entry("a", "身份证怎么换")], ...changes,
  };
}

async function signer() {
  const pair = (await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as CryptoKeyPair;
  const sign = async (what: Extract): Promise<SignedExtract> => {
    const text = JSON.stringify(what);
    return { extract: text, signature: base64(await webcrypto.subtle.sign(ALGORITHM, pair.privateKey, new TextEncoder().encode(text))) };
  };
  return { key: base64(await webcrypto.subtle.exportKey("raw", pair.publicKey)), sign };
}

const subtle = webcrypto.subtle as SubtleCrypto;

describe("the extract that a phone keeps", () => {
  it("is shown where it is signed by the key that the server named, and after another visit too", async () => {
    const { key, sign } = await signer();
    const shelf = memoryShelf();
    const store = new ExtractStore(shelf, subtle, () => NOW);
    expect(await store.read("zh")).toEqual({ trouble: "none" });
    store.pin(key);
    expect(await store.keep(await sign(extract()), "zh")).toBe(true);
    expect(await new ExtractStore(shelf, subtle, () => NOW).read("zh")).toMatchObject({ clockWrong: false, extract: { revision: "r" } });
  });

  it("is not kept where somebody else signed it, it is another language's, or a letter differs", async () => {
    const [ours, theirs] = await Promise.all([signer(), signer()]);
    const store = new ExtractStore(memoryShelf(), subtle, () => NOW);
    store.pin(ours.key);
    expect(await store.keep(await theirs.sign(extract()), "zh")).toBe(false);
    expect(await store.keep(await ours.sign(extract({ language: "bo" })), "zh")).toBe(false);
    expect(await store.keep(await ours.sign(extract({ format: 2 })), "zh")).toBe(false);
    const signed = await ours.sign(extract());
    expect(await store.keep({ ...signed, extract: signed.extract.replace("换", "办") }, "zh")).toBe(false);
    expect(await store.keep({ ...signed, signature: "AAAA" }, "zh")).toBe(false);
    expect(await store.read("zh")).toEqual({ trouble: "none" });
  });

  it("is refused when what lies on the phone was changed", async () => {
    const { key, sign } = await signer();
    const shelf = memoryShelf();
    const store = new ExtractStore(shelf, subtle, () => NOW);
    store.pin(key);
    await store.keep(await sign(extract()), "zh");
    for (const broken of ["{", "null", JSON.stringify({ ...(await sign(extract())), extract: "{}" })]) {
      shelf.setItem("drilen.extract.zh", broken);
      expect(await store.read("zh")).toEqual({ trouble: "forged" });
    }
  });

  it("without WebCrypto nothing is shown", async () => {
    expect(await new ExtractStore(memoryShelf(), undefined, () => NOW).read("zh")).toEqual({ trouble: "unable" });
  });

  it("a full phone keeps nothing, and nothing breaks", async () => {
    const { key, sign } = await signer();
    const shelf = memoryShelf();
    const full = {
      ...shelf,
      setItem(name: string, value: string): void {
        if (name !== "drilen.extract.key") throw new DOMException("full", "QuotaExceededError");
        shelf.setItem(name, value);
      },
    };
    const store = new ExtractStore(full, subtle, () => NOW);
    store.pin(key);
    expect(await store.keep(await sign(extract()), "zh")).toBe(false);
  });

  it("is refused after its time, and shown with a warning by a clock before its making", () => {
    expect(judge(extract(), NOW + 2 * DAY)).toMatchObject({ trouble: "expired" });
    expect(judge(extract({ valid_until: "nonsense" }), NOW)).toMatchObject({ trouble: "expired" });
    expect(judge(extract(), NOW - 3 * DAY)).toMatchObject({ clockWrong: true });
    expect(judge(extract(), NOW - DAY)).toMatchObject({ clockWrong: false });
  });

  it("leaves out an entry that no longer holds, by the day in China", () => {
    const entries = [{ ...entry("a", "x"), valid_until: "2026-06-15" }, { ...entry("b", "y"), valid_until: "2026-06-14" }];
    const shown = (now: number) => {
      const judged = judge(extract({ entries }), now);
      return "clockWrong" in judged ? judged.extract.entries.map((one) => one.entry) : judged.trouble;
    };
    expect(shown(NOW)).toEqual(["a"]);
    // 16:30 UTC is the next day there.
    expect(shown(Date.parse("2026-06-15T16:30:00Z"))).toEqual([]);
  });
});

describe("the matcher", () => {
  it("takes hanzi, syllables, words and their pairs, whatever the punctuation, width and digits", () => {
    expect([...piecesOf("换证？")].sort()).toEqual(["换", "换\u0000证", "证"].sort());
    expect(piecesOf("ཐོབ་ཐང་།")).toEqual(new Set(["ཐོབ", "ཐང", "ཐོབ\u0000ཐང"]));
    expect(piecesOf("༡༢༣")).toEqual(piecesOf("１２３"));
    expect(piecesOf("…！").size).toBe(0);
  });

  const knowledge = new URL("../../../examples/knowledge/sample/", import.meta.url);
  interface Said {
    question: string;
    variants?: string[];
    written: string;
    steps?: string[];
    documents?: string[];
  }
  interface Source {
    id: string;
    zh?: Said;
    bo?: Said;
  }
  const sources = readdirSync(knowledge)
    .filter((name) => name.endsWith(".yaml"))
    .flatMap((name) => (parse(readFileSync(new URL(name, knowledge), "utf8")) as { entries: Source[] }).entries);

  for (const language of ["zh", "bo"] as const) {
    const entries = sources.flatMap((source) => {
      const text = source[language];
      return text === undefined ? [] : [{ ...entry(source.id, text.question, text.variants), text: text.written, steps: text.steps ?? [], documents: text.documents ?? [] }];
    });

    it(`answers every question of the sample in its own words (${language})`, () => {
      const matcher = new Matcher({ entries });
      const missed = entries.filter((one) => {
        const found = matcher.find(one.question);
        return !(found.kind === "answer" && found.entry.entry === one.entry);
      });
      expect(missed.map((one) => one.question)).toEqual([]);
    });

    it(`finds most ways of asking that it has not been shown (${language})`, () => {
      let [asked, found] = [0, 0];
      // As many as a phone keeps.
      const kept = entries.filter((_, i) => i % 3 === 0);
      // Some of them: each needs a matcher that has not seen it.
      for (const [i, one] of kept.entries()) {
        for (const variant of one.variants.slice(i % 3, i % 3 + 1).filter(() => i % 2 === 0)) {
          const without = kept.map((other) => (other === one ? { ...one, variants: one.variants.filter((v) => v !== variant) } : other));
          const result = new Matcher({ entries: without }).find(variant);
          const ids = result.kind === "answer" ? [result.entry.entry] : result.kind === "choices" ? result.entries.map((e) => e.entry) : [];
          asked += 1;
          found += ids.includes(one.entry) ? 1 : 0;
        }
      }
      expect(asked).toBeGreaterThan(20);
      expect(found / asked, `${found} of ${asked}`).toBeGreaterThan(language === "zh" ? 0.7 : 0.6);
    }, 60_000);

    it(`answers nothing to what no entry is about (${language})`, () => {
      const matcher = new Matcher({ entries });
      const strange = language === "zh" ? ["今天晚饭吃什么", "明天会下雨吗", "讲个笑话"] : ["དེ་རིང་ཁ་ལག་ག་རེ་ཟ་ན་ཡག་གི་རེད།", "སང་ཉིན་ཆར་པ་འབབ་ཀྱི་རེད་པས།"];
      for (const question of strange) expect([question, matcher.find(question).kind]).not.toEqual([question, "answer"]);
    });
  }
});
