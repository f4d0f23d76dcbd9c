/**
 * A copy of what has many properties, with more in it. Written `{ ...row, more }` it takes V8 fifteen times as long for a
 * row of twenty-five columns: what stands behind a spread is added name by name.
 */
export const extended = <T extends object, M extends object>(of: T, more: M): Omit<T, keyof M> & M => Object.assign({}, of, more);
