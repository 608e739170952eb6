// The stand-in's extract of the knowledge base, signed with a key of its own.
import { webcrypto } from "node:crypto";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 24 * 3600 * 1000;

export class MockExtracts {
  static async make(entries) {
    const pair = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const point = await webcrypto.subtle.exportKey("raw", pair.publicKey);
    return new MockExtracts(entries, pair.privateKey, Buffer.from(point).toString("base64url"));
  }

  constructor(entries, privateKey, key) {
    Object.assign(this, { entries, privateKey, key });
  }

  async signed(language) {
    const entries = this.entries.map((e) => ({
      entry: e.id, topic: e.topic ?? "documents", revision: "mock", question: e[language].question, variants: e[language].variants ?? [], text: e[language].written,
      steps: e[language].steps ?? [], documents: e[language].documents ?? [], links: [], office: e.office?.[language], depends: false, sample: true, awaiting_review: false,
    }));
    const topics = [...new Set(entries.map((e) => e.topic))].map((id) => ({ id, name: id }));
    const emergency = language === "zh" ? "着火打119，报警打110，急救打120。" : "མེ་ཤོར་ན་༡༡༩། ཉེན་རྟོག་༡༡༠། སྨན་བཅོས་༡༢༠།";
    const now = Date.now();
    const extract = JSON.stringify({
      format: 1, language, revision: "mock", made_at: new Date(now).toISOString(), valid_until: new Date(now + 14 * DAY_MS).toISOString(), notice: "", emergency, topics, entries,
    });
    const signature = await webcrypto.subtle.sign(ALGORITHM, this.privateKey, Buffer.from(extract));
    return { extract, signature: Buffer.from(signature).toString("base64url") };
  }
}
