import { ApiError } from "./errors.ts";

/** Which status may follow which, as data; and the refusal of every other step, which names those that may. */
export const statusSteps = <S extends string>(steps: Record<S, readonly S[]>) => ({
  leadsTo: (from: S, to: S): boolean => steps[from].includes(to),
  refusedStep: (from: S, detail: string): ApiError =>
    new ApiError("invalid_status_transition", { detail, members: { allowed: steps[from] } }),
});
