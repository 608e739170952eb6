import type { Language } from "../protocol";

/** Every text of a page in one language; `{name}` stands for a value. */
export type Texts<K extends string> = Record<K, string>;

/** `text` with every `{name}` replaced by its value. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The language most of the letters of `text` belong to; `fallback` where there are neither Tibetan nor Chinese ones. */
export function languageOf(text: string, fallback: Language): Language {
  const tibetan = text.match(/[\u0f40-\u0fbc]/g)?.length ?? 0;
  const chinese = text.match(/\p{Script=Han}/gu)?.length ?? 0;
  if (tibetan === 0 && chinese === 0) return fallback;
  // A hanzi says as much as a syllable of some three letters.
  return tibetan > chinese * 3 ? "bo" : "zh";
}

/** A moment by this device's clock, as values for a text: hours and minutes, and the day for where it is not today. */
export function momentOf(at: string, now: number): { time: string; month: number; day: number; today: boolean } {
  const date = new Date(at);
  const two = (n: number) => String(n).padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const today = date.toDateString() === new Date(now).toDateString();
  return { time, month: date.getMonth() + 1, day: date.getDate(), today };
}

/** The HTML `lang` of a conversation language. */
export function htmlLang(language: Language): string {
  return language === "zh" ? "zh-CN" : "bo";
}

/** What each language calls itself. */
export const LANGUAGE_NAMES: Record<Language, string> = { bo: "བོད་ཡིག", zh: "中文" };
