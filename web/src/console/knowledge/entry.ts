/** An entry of the knowledge base as the server gives and takes it (docs/knowledge.md), and as a form has it. */
import type { Language } from "../../protocol";

export interface Text {
  question: string;
  variants: string[];
  keywords?: string[];
  spoken: string;
  written: string;
  steps: string[];
  documents: string[];
  review: string;
  [more: string]: unknown;
}
export type InBoth = Record<Language, string>;
export interface Link {
  label: InBoth;
  url: string;
}
/** What is different in one language for a place or group; what is absent is the entry's own. */
export interface OtherText {
  spoken?: string;
  written?: string;
  steps?: string[];
  documents?: string[];
}
export interface OtherAnswer {
  region?: string;
  group?: string;
  office?: InBoth;
  zh?: OtherText;
  bo?: OtherText;
}
export interface Entry {
  id: string;
  topic: string;
  sample: boolean;
  escalate: boolean;
  zh?: Text | null;
  bo?: Text | null;
  links: Link[];
  office?: InBoth | null;
  valid_from?: string;
  valid_until?: string;
  answers?: OtherAnswer[];
  [more: string]: unknown;
}
export interface Problem {
  severity: "error" | "warning" | "notice";
  kind: string;
  entry?: string;
  field: string;
  age_days?: number;
  /** In English. */
  message: string;
  /** Which finding of a check it is; absent where a file could not be read. */
  code?: string;
  /** What the finding is about, by name. */
  values?: Record<string, string>;
}

export const LANGUAGES: readonly Language[] = ["bo", "zh"];

/** What becomes of a text with the approval; the server's names. */
export const STATES = ["published", "awaiting-native-reviewer", "sample", "draft"] as const;

export function freshText(): Text {
  return { question: "", variants: [], keywords: [], spoken: "", written: "", steps: [], documents: [], review: "published" };
}

export function freshEntry(language: Language): Entry {
  return { id: "", topic: "", sample: false, escalate: false, links: [], answers: [], [language]: freshText() };
}

/** Lines of a field as a list: blank ones are nothing. */
export function listOf(lines: string): string[] {
  return lines
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** The entry with nothing in it that a form left empty. */
export function tidied(entry: Entry): Entry {
  const tidy: Entry = { ...entry, id: entry.id.trim(), topic: entry.topic.trim() };
  tidy.links = entry.links.filter((link) => link.url.trim() !== "" || link.label.zh !== "" || link.label.bo !== "");
  if (tidy.office !== undefined && tidy.office !== null && tidy.office.zh.trim() === "" && tidy.office.bo.trim() === "") delete tidy.office;
  if (!tidy.valid_from) delete tidy.valid_from;
  if (!tidy.valid_until) delete tidy.valid_until;
  tidy.answers = (entry.answers ?? []).map(tidiedAnswer);
  return tidy;
}

function tidiedAnswer(answer: OtherAnswer): OtherAnswer {
  const tidy: OtherAnswer = {};
  if (answer.region?.trim()) tidy.region = answer.region.trim();
  if (answer.group?.trim()) tidy.group = answer.group.trim();
  if (answer.office !== undefined && (answer.office.zh.trim() !== "" || answer.office.bo.trim() !== "")) tidy.office = answer.office;
  for (const language of LANGUAGES) {
    const text = answer[language];
    if (text === undefined) continue;
    const kept: OtherText = {};
    if (text.spoken?.trim()) kept.spoken = text.spoken;
    if (text.written?.trim()) kept.written = text.written;
    // An empty list is something else than none: there is nothing to do, or to bring.
    if (text.steps !== undefined) kept.steps = text.steps;
    if (text.documents !== undefined) kept.documents = text.documents;
    if (Object.keys(kept).length > 0) tidy[language] = kept;
  }
  return tidy;
}

/** What an entry says, field by field, for comparing. Signatures follow from it and are left out. */
export function fieldsOf(entry: Entry | undefined): Map<string, string> {
  const fields = new Map<string, string>();
  if (entry === undefined) return fields;
  const put = (name: string, value: unknown) => {
    const text = Array.isArray(value) ? value.join("\n") : value === undefined || value === null || value === false ? "" : String(value);
    if (text !== "") fields.set(name, text);
  };
  put("topic", entry.topic);
  put("sample", entry.sample);
  put("escalate", entry.escalate);
  put("valid_from", entry.valid_from);
  put("valid_until", entry.valid_until);
  put("office.zh", entry.office?.zh);
  put("office.bo", entry.office?.bo);
  put("links", entry.links.map((link) => `${link.label.bo} · ${link.label.zh} · ${link.url}`));
  for (const language of LANGUAGES) {
    const text = entry[language];
    if (text === undefined || text === null) continue;
    for (const name of ["question", "variants", "keywords", "spoken", "written", "steps", "documents", "review"]) put(`${language}.${name}`, text[name]);
  }
  for (const [at, answer] of (entry.answers ?? []).entries()) put(`answers.${at + 1}`, JSON.stringify(answer, null, 1));
  return fields;
}
