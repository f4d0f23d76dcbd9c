import { z } from "zod";

/**
 * A contract without its limits: what goes out is judged by this. A row may be older than a limit, or have grown past it;
 * a list that cannot be read because of one row helps nobody. What no contract names is still left out.
 */
export function shapeOf<T extends z.ZodType>(contract: T): T {
  const known = shapes.get(contract);
  if (known) return known as T;
  const { checks: _limits, ...def } = contract._zod.def;
  const shape = z.core.clone(contract, { ...def, ...insidesOf[def.type]?.(def as never) } as never) as T;
  shapes.set(contract, shape);
  return shape;
}

const shapes = new WeakMap<z.ZodType, z.ZodType>();

const inner = ({ innerType }: { innerType: z.ZodType }) => ({ innerType: shapeOf(innerType) });

/** What kinds of contracts consist of. The others have nothing inside, or change what they are given and stay as they are. */
const insidesOf: Partial<Record<z.core.$ZodTypeDef["type"], (def: never) => object>> = {
  object: ({ shape }: { shape: Record<string, z.ZodType> }) => ({
    shape: Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, shapeOf(field)])),
  }),
  array: ({ element }: { element: z.ZodType }) => ({ element: shapeOf(element) }),
  record: ({ keyType, valueType }: Record<"keyType" | "valueType", z.ZodType>) => ({
    keyType: shapeOf(keyType),
    valueType: shapeOf(valueType),
  }),
  union: ({ options }: { options: z.ZodType[] }) => ({ options: options.map((option) => shapeOf(option)) }),
  nullable: inner,
  optional: inner,
};
