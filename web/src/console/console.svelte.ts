/** The console's state: who is logged in, what they may do, and which page is open. */
import { shelfOr, type Shelf } from "../core/keeper";
import type { Entrance } from "../desk/entrance";
import { loginProblem, REFUSALS } from "../desk/refusals";
import { bo as consoleBo } from "../i18n/console.bo";
import { zh as consoleZh, type ConsoleKey } from "../i18n/console.zh";
import { bo as deskBo } from "../i18n/desk.bo";
import { zh as deskZh, type DeskKey } from "../i18n/desk.zh";
import { bo as knowledgeBo } from "../i18n/knowledge.bo";
import { zh as knowledgeZh, type KnowledgeKey } from "../i18n/knowledge.zh";
import { fill, momentOf } from "../i18n/translate";
import type { DeskSession, Language, LoginWays } from "../protocol";
import { ConsoleApi, DeskError } from "./api";
import { PAGES, type Page } from "./pages";
import { routeOf, type Route } from "./route";

export type Key = DeskKey | ConsoleKey | KnowledgeKey;

/** The console's own words take the place of the desk's. */
const TEXTS: Record<Language, Record<Key, string>> = { bo: { ...deskBo, ...consoleBo, ...knowledgeBo }, zh: { ...deskZh, ...consoleZh, ...knowledgeZh } };

/** What the console says to refusals that the desk does not meet. */
const REFUSED: Partial<Record<string, Key>> = {
  ...REFUSALS,
  not_found: "nothingThere",
  invalid: "refusedInvalid",
  changed: "changedMeanwhile",
  own_work: "ownWork",
  name_taken: "nameTaken",
  last_admin: "lastAdmin",
  sound_unreadable: "soundUnreadable",
  sound_without_speech: "soundWithoutSpeech",
  sound_too_long: "soundTooLong",
  sound_clipped: "soundClipped",
  sound_too_large: "soundTooLarge",
};

export class Console implements Entrance {
  /** `owes`: something must be done to the account first; `idle`: none of its roles has anything to do here. */
  phase: "loading" | "out" | "owes" | "idle" | "in" = $state("loading");
  needsCode = $state(false);
  provider: LoginWays["provider"] = $state.raw();
  session: DeskSession | undefined = $state.raw();
  language: Language = $state("zh");
  route: Route = $state.raw(routeOf(window.location.hash));
  /** What went wrong last; shown on top of every page. */
  problem: string | undefined = $state();
  /** What was done last, for whoever cannot see it. */
  done: string | undefined = $state();

  readonly api = new ConsoleApi();
  private readonly shelf: Shelf = shelfOr(() => window.localStorage);

  constructor() {
    this.language = this.shelf.getItem("drilen.desk.language") === "bo" ? "bo" : "zh";
    window.addEventListener("hashchange", () => {
      this.route = routeOf(window.location.hash);
      this.problem = this.done = undefined;
    });
  }

  text(key: Key, values: Record<string, string | number> = {}): string {
    return fill(TEXTS[this.language][key], values);
  }

  /** The text of a key that is put together from something of the server's; `name` itself where there is none. */
  named(prefix: string, name: string): string {
    const key = prefix + name;
    return Object.hasOwn(TEXTS.zh, key) ? this.text(key as Key) : name;
  }

  /** The text of a key that is put together from something of the server's, with values in it; `undefined` where there is none. */
  told(key: string, values: Record<string, string>): string | undefined {
    return Object.hasOwn(TEXTS.zh, key) ? this.text(key as Key, values) : undefined;
  }

  /** Day and time of a moment, by this device's clock. */
  moment(at: string): string {
    const { time, month, day, today } = momentOf(at, Date.now());
    return today ? time : this.text("dayTime", { month, day, time });
  }

  may(permission: string): boolean {
    return this.session?.account.permissions.includes(permission) ?? false;
  }

  /** The pages that are open to whoever is logged in. */
  get pages(): Page[] {
    return PAGES.filter((page) => page.needs.some((permission) => this.may(permission)));
  }

  /** The page that the address names, or the first one. */
  get page(): Page | undefined {
    const open = this.pages;
    return open.find((page) => page.id === this.route.page) ?? open[0];
  }

  // ---------------------------------------------------------------------------------------------------- the door

  async begin(): Promise<void> {
    try {
      this.enter(await this.api.me());
    } catch (error) {
      if (error instanceof DeskError && error.status === 401) this.showLogin();
      else {
        this.problem = this.text("unreachable");
        setTimeout(() => void this.begin(), 3000);
      }
    }
  }

  async login(name: string, password: string, code?: string): Promise<void> {
    this.problem = undefined;
    try {
      this.enter(await this.api.login(name, password, code));
    } catch (error) {
      const refusal = error instanceof DeskError ? error : undefined;
      this.needsCode = refusal?.code === "second_factor" || refusal?.code === "wrong_code";
      if (refusal?.code !== "second_factor") this.problem = this.text(loginProblem(refusal));
    }
  }

  async logout(): Promise<void> {
    let elsewhere: string | undefined;
    await this.attempt(async () => {
      elsewhere = (await this.api.logout())?.provider_logout;
    });
    this.session = undefined;
    this.showLogin();
    if (elsewhere !== undefined) window.location.assign(elsewhere);
  }

  private showLogin(): void {
    this.phase = "out";
    this.needsCode = false;
    void this.api.loginWays().then(
      (ways) => (this.provider = ways.provider),
      () => undefined,
    );
  }

  enter(session: DeskSession): void {
    this.problem = undefined;
    this.needsCode = false;
    this.session = session;
    this.phase = session.account.owes !== undefined ? "owes" : this.pages.length > 0 ? "in" : "idle";
  }

  setLanguage(language: Language): void {
    this.language = language;
    this.shelf.setItem("drilen.desk.language", language);
  }

  // ------------------------------------------------------------------------------------------------------ faults

  /**
   * Does something that may be refused.
   * @param done what to say where it went well
   * @returns false where it failed; the reason is then on the page
   */
  async attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
    this.problem = this.done = undefined;
    try {
      await work();
      this.done = done;
      return true;
    } catch (error) {
      this.problem = this.describe(error);
      if (error instanceof DeskError && error.status === 401) this.showLogin();
      return false;
    }
  }

  describe(error: unknown): string {
    if (!(error instanceof DeskError)) return this.text("failed", { message: this.text("unknownError") });
    if (error.status === 0) return this.text("unreachable");
    if (error.status === 401) return this.text("loginExpired");
    const known = REFUSED[error.code];
    const message = error.message === "" ? String(error.status) : error.message;
    return this.text(known ?? "failed", { message });
  }
}
