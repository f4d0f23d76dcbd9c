import { hours, minutes } from "../core/time.ts";

/** How long a session lives after it began or was last renewed, and how old it must be to be renewed. */
export const lifetime_ms = hours(7 * 24);
export const renewed_after_ms = hours(24);

/** How long one lives that was made and has not begun. */
export const unbegun_ms = minutes(1);
