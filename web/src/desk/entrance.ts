/** What the pages before the desk need of whatever stands behind them: the desk itself, or the operators' console. */
import type { DeskKey } from "../i18n/desk.zh";
import type { DeskSession, Language, LoginWays } from "../protocol";
import type { DeskApi } from "./api";

export interface Entrance {
  readonly language: Language;
  readonly session: DeskSession | undefined;
  /** The password was right; the code of the second factor is asked for. */
  readonly needsCode: boolean;
  /** What the button of the identity provider says, where there is one. */
  readonly provider: LoginWays["provider"];
  readonly api: DeskApi;
  problem: string | undefined;
  text(key: DeskKey, values?: Record<string, string | number>): string;
  setLanguage(language: Language): void;
  login(name: string, password: string, code?: string): Promise<void>;
  logout(): Promise<void>;
  enter(session: DeskSession): void;
}
