import { hash, verify } from "@node-rs/argon2";

/** OWASP's first recommendation for argon2id: 19 MiB, two passes, one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** In a form that every keyboard agrees on: one letter with its mark may be one character or two. */
const typed = (password: string): string => password.normalize("NFKC");

export const hashPassword = (password: string): Promise<string> => hash(typed(password), cost);

export const isPassword = (password: string, kept: string): Promise<boolean> => verify(kept, typed(password));
