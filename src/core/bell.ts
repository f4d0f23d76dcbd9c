/** Tells whoever waits that there is something to do. What rings while nobody waits is heard by the next who does. */
export class Bell {
  #has_rung = false;
  #hear: (() => void) | undefined;

  ring(): void {
    if (this.#hear) this.#hear();
    else this.#has_rung = true;
  }

  /** Resolves when it rings, at the latest after so long. One waits at a time. */
  heard(at_most_ms: number): Promise<void> {
    if (this.#has_rung) {
      this.#has_rung = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#hear?.(), at_most_ms);
      this.#hear = () => {
        clearTimeout(timer);
        this.#hear = undefined;
        resolve();
      };
    });
  }
}
