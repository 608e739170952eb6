/** Proposals as the server tells of them. */
import type { Entry } from "./entry";

export interface Hand {
  id: string;
  name: string;
  at: string;
}
export interface ListedProposal {
  id: string;
  version: number;
  entry: string;
  change: "added" | "changed" | "removed";
  state: "submitted" | "approved" | "refused" | "withdrawn";
  zh?: string;
  bo?: string;
  hands: Hand[];
  note: string;
  origin?: { conversation: string; seq: number; language: string };
  decided?: Hand;
  reason: string;
  /** Whoever is logged in wrote in it. */
  own: boolean;
}
export interface WholeProposal {
  proposal: ListedProposal;
  content?: Entry;
  served?: Entry;
  compared: { zh: boolean; bo: boolean };
  base?: string;
  served_base?: string;
  outdated: boolean;
}
