/** Positions in bytes, in ascending order, as a reader finds them: four bytes each, where a snapshot has thousands. */
export class Positions {
  private items = new Uint32Array(16);
  private count = 0;

  push(position: number): void {
    if (this.count === this.items.length) this.grow(this.count + 1);
    this.items[this.count++] = position;
  }

  /** Adds `known[from]` to `known[to - 1]`, each moved by `shift`. */
  append(known: Uint32Array, from: number, to: number, shift: number): void {
    const length = this.count + to - from;
    if (length > this.items.length) this.grow(length);
    for (let i = from; i < to; i++) this.items[this.count++] = known[i]! + shift;
  }

  last(): number {
    return this.items[this.count - 1]!;
  }

  /** All of them, as distances from `origin`. */
  from(origin: number): Uint32Array {
    const found = this.items.slice(0, this.count);
    for (let i = 0; i < found.length; i++) found[i]! -= origin;
    return found;
  }

  private grow(length: number): void {
    const items = new Uint32Array(Math.max(length, 2 * this.items.length));
    items.set(this.items.subarray(0, this.count));
    this.items = items;
  }
}
