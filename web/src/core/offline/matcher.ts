/**
 * Finds the entry that a question means without the server: by the pieces that question and entry have in common, weighed by
 * how rare they are. Pieces are hanzi and their pairs, Tibetan syllables and their pairs, and words of other letters.
 *
 * It knows nothing of meaning. What is asked nearly as an entry has it is answered; else the entries are offered that have most
 * of the question's pieces in their ways of asking or their answers; and where those are few, it says that it does not know.
 */
import type { Extract, KeptEntry } from "./extract";

/** From this likeness of question and way of asking on, and so far ahead of the next entry, an entry is the answer. */
const SURE = 0.62;
const AHEAD = 0.1;
/** An entry is offered that has so much of the question, and not much less than the best. */
const NEAR = 0.3;
const BESIDE = 0.5;
/** So many are offered at most. */
const OFFERED = 5;
/** Units say less than pairs. */
const UNIT = 0.6;
/** A piece that only the answer has counts so much. */
const IN_ANSWER = 0.5;
/** A piece that nobody has says something else is meant, but people use many words. */
const NOWHERE = 0.5;
/** A piece in many ways of asking is the entry's own word: how fast that grows, and its bound. */
const HALF_WAYS = 2;
const OWN_WORD = 1.5;

export type Found =
  | { kind: "answer"; entry: KeptEntry }
  | { kind: "choices"; entries: KeptEntry[] }
  | { kind: "nothing" };

/** An entry as it is compared. */
interface Prepared {
  entry: KeptEntry;
  ways: { pieces: Set<string>; weight: number }[];
  /** In how many ways of asking a piece stands. */
  counts: Map<string, number>;
  answer: Set<string>;
}

/** How near an entry is: the likeness of its nearest way of asking, and the share of the question that it has; 0 to 1 or so. */
export interface Ranked {
  entry: KeptEntry;
  likeness: number;
  share: number;
}

export class Matcher {
  private readonly prepared: Prepared[];
  /** In how many entries' ways of asking a piece stands. */
  private readonly entriesWith = new Map<string, number>();

  constructor(extract: Pick<Extract, "entries">) {
    this.prepared = extract.entries.map((entry) => {
      const counts = new Map<string, number>();
      const ways = [entry.question, ...entry.variants].map((text) => ({ pieces: piecesOf(text), weight: 0 }));
      for (const { pieces } of ways) pieces.forEach((piece) => counts.set(piece, (counts.get(piece) ?? 0) + 1));
      counts.forEach((_, piece) => this.entriesWith.set(piece, (this.entriesWith.get(piece) ?? 0) + 1));
      return { entry, ways, counts, answer: piecesOf([entry.text, ...entry.steps, ...entry.documents].join("\n")) };
    });
    for (const { ways } of this.prepared) for (const way of ways) way.weight = this.weigh(way.pieces);
  }

  find(question: string): Found {
    const ranked = this.rank(question);
    const alike = [...ranked].sort((one, other) => other.likeness - one.likeness);
    const [best, second] = alike;
    if (best !== undefined && best.likeness >= SURE && best.likeness - (second?.likeness ?? 0) >= AHEAD) return { kind: "answer", entry: best.entry };
    const top = ranked[0]?.share ?? 0;
    const near = ranked.filter(({ share, likeness }) => (share >= NEAR && share >= top * BESIDE) || likeness >= SURE);
    return near.length === 0 ? { kind: "nothing" } : { kind: "choices", entries: near.slice(0, OFFERED).map(({ entry }) => entry) };
  }

  /** Entries that have anything of the question, those with most of it first. */
  rank(question: string): Ranked[] {
    const pieces = piecesOf(question);
    const weights = Array.from(pieces, (piece): [string, number] => [piece, this.weightOf(piece)]);
    const weight = this.weigh(pieces);
    const wanted = this.weigh(pieces, NOWHERE);
    if (weight === 0) return [];
    const ranked: Ranked[] = [];
    for (const { entry, ways, counts, answer } of this.prepared) {
      let has = 0;
      for (const [piece, own] of weights) {
        const count = counts.get(piece) ?? 0;
        if (count > 0) has += own * Math.min(OWN_WORD, (count / (count + HALF_WAYS)) * (1 + HALF_WAYS));
        else if (answer.has(piece)) has += own * IN_ANSWER;
      }
      if (has === 0) continue;
      let likeness = 0;
      for (const way of ways) {
        let shared = 0;
        for (const [piece, own] of weights) if (way.pieces.has(piece)) shared += own;
        likeness = Math.max(likeness, (2 * shared) / (weight + way.weight));
      }
      ranked.push({ entry, likeness, share: has / wanted });
    }
    return ranked.sort((one, other) => other.share - one.share);
  }

  private weightOf(piece: string): number {
    const rarity = Math.log(1 + this.prepared.length / Math.max(1, this.entriesWith.get(piece) ?? 0));
    return rarity * (piece.includes(PAIR) ? 1 : UNIT);
  }

  private weigh(pieces: Set<string>, nowhere = 1): number {
    let sum = 0;
    pieces.forEach((piece) => (sum += this.weightOf(piece) * (this.entriesWith.has(piece) ? 1 : nowhere)));
    return sum;
  }
}

/** Stands between the two of a pair. */
const PAIR = "\u0000";

/** Units of a text (hanzi, Tibetan syllables, words of other letters and digits) and the pairs of neighbours. */
export function piecesOf(text: string): Set<string> {
  // Tibetan digits are digits; letters of full width are letters.
  const plain = text.normalize("NFKC").toLowerCase().replace(/[\u0f20-\u0f29]/g, (digit) => String(digit.charCodeAt(0) - 0x0f20));
  const units = plain.match(/\p{Script=Han}|[\u0f40-\u0fbc]+|[a-z0-9]+/gu) ?? [];
  const pieces = new Set<string>(units);
  for (let i = 1; i < units.length; i += 1) pieces.add(`${units[i - 1] ?? ""}${PAIR}${units[i] ?? ""}`);
  return pieces;
}
