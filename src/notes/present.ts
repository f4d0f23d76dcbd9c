import type { Note } from "./contract.ts";
import type { notes } from "./tables.ts";

export type NoteRow = typeof notes.$inferSelect;

export const presentNote = (row: NoteRow): Note => ({ ...row, object: "note" });
