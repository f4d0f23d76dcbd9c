/** Remembers across visits; where the browser lets nothing be kept, until the page is left. */
export function createStore(prefix: string) {
  const memory = new Map<string, string>();
  const kept = <T>(use: (storage: Storage) => T): T | undefined => {
    try {
      return use(localStorage);
    } catch {
      return undefined;
    }
  };
  return {
    get: (name: string): string | undefined => memory.get(name) ?? kept((storage) => storage.getItem(prefix + name)) ?? undefined,
    set(name: string, value: string): void {
      memory.set(name, value);
      kept((storage) => storage.setItem(prefix + name, value));
    },
    remove(name: string): void {
      memory.delete(name);
      kept((storage) => storage.removeItem(prefix + name));
    },
  };
}

export type Store = ReturnType<typeof createStore>;
