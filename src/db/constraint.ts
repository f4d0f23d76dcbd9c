/** Whether a statement failed on this unique index; the drivers name it differently, and Drizzle wraps what they say. */
export function isUniqueViolation(error: unknown, index: string): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, constraint, constraint_name } = cause as Error & { code?: string; constraint?: string; constraint_name?: string };
    if (code === "23505") return (constraint_name ?? constraint) === index;
  }
  return false;
}
