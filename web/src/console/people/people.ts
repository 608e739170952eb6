/** Accounts as the server sends them, and as they are written. */
import type { Language } from "../../protocol";
import type { Console } from "../console.svelte";

export const ROLES = ["agent", "editor", "reviewer", "supervisor", "auditor", "admin"] as const;

/** An account in the list of `GET /v1/desk/people`. */
export interface Person {
  id: string;
  name: string;
  display_name: string;
  languages: Language[];
  roles: string[];
  skills: string[];
  capacity: number;
  disabled: boolean;
  has_password: boolean;
  has_totp: boolean;
  must_change_password: boolean;
  issuer?: string;
}

/** An account as somebody writes it. */
export interface Draft {
  name: string;
  displayName: string;
  languages: Language[];
  roles: string[];
  /** With spaces or commas of either language between them. */
  skills: string;
  capacity: number;
}

export function draftOf(person?: Person): Draft {
  return {
    name: person?.name ?? "",
    displayName: person?.display_name ?? "",
    languages: person?.languages ?? ["bo", "zh"],
    roles: person?.roles ?? ["agent"],
    skills: person?.skills.join(" ") ?? "",
    capacity: person?.capacity ?? 100,
  };
}

/** What the server is sent. */
export function changesOf(draft: Draft): { display_name?: string; languages: Language[]; roles: string[]; skills: string[]; capacity: number } {
  const displayName = draft.displayName.trim();
  return {
    ...(displayName !== "" && { display_name: displayName }),
    languages: draft.languages,
    roles: draft.roles,
    skills: draft.skills.split(/[\s,，、།]+/).filter((skill) => skill !== ""),
    capacity: draft.capacity,
  };
}

/** The heading of a question about somebody's account. */
export function namesOf(app: Console, what: "password" | "totp" | "sessions" | "disable", person: Person): string {
  const act = { password: "resetPassword", totp: "removeTotp", sessions: "sessions", disable: person.disabled ? "enable" : "disable" } as const;
  return `${app.text(act[what])} · ${person.display_name}`;
}
