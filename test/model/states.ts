/** What the explorer keeps its states in: parts by number, and rows of such numbers. */

/** Gives each different value a number. Values are plain data; two are the same when they say the same. */
export class Interner<T extends object> {
  private readonly ids = new Map<string, number>();
  private readonly values: T[] = [];
  private readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  id(value: T): number {
    const key = this.parts.nameOf(value);
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.values.push(value) - 1;
    this.ids.set(key, id);
    return id;
  }

  value(id: number): T {
    return this.values[id]!;
  }
}

/**
 * Names for plain data, whatever the order in which its members were set; a member that is undefined is as good as none.
 * What an object is made of has names already, and what is shared between worlds is named once.
 */
export class Parts {
  private readonly names = new Map<string, string>();
  private readonly seen = new WeakMap<object, string>();

  nameOf(value: unknown): string {
    if (typeof value === 'string') return `'${value}'`;
    if (typeof value !== 'object' || value === null) return String(value);
    const seen = this.seen.get(value);
    if (seen !== undefined) return seen;
    const text = Array.isArray(value)
      ? `[${value.map((item) => this.nameOf(item)).join()}]`
      : this.members(value as Readonly<Record<string, unknown>>);
    const name = this.names.get(text) ?? `#${this.names.size}`;
    this.names.set(text, name);
    this.seen.set(value, name);
    return name;
  }

  private members(record: Readonly<Record<string, unknown>>): string {
    let text = '{';
    for (const member of Object.keys(record).sort((a, b) => (a < b ? -1 : 1)))
      if (record[member] !== undefined) text += `${member}:${this.nameOf(record[member])},`;
    return text;
  }
}

/** Rows of `width` numbers, each different row once, in the order in which they were added. */
export class StateTable {
  private readonly width: number;
  private rows: Int32Array;
  private parents: Int32Array;
  /** Open addressing: row + 1, or 0. */
  private slots: Int32Array;
  private used = 0;

  constructor(width: number) {
    this.width = width;
    this.rows = new Int32Array(width * 1024);
    this.parents = new Int32Array(1024);
    this.slots = new Int32Array(4096);
  }

  get length(): number {
    return this.used;
  }

  /** Adds a row that is not there yet, with the row that it came from. */
  add(row: Int32Array, parent: number): void {
    if (this.used * 2 > this.slots.length) this.growSlots();
    const slot = this.find(row);
    if (this.slots[slot] !== 0) return;
    if (this.used === this.parents.length) this.growRows();
    this.rows.set(row, this.used * this.width);
    this.parents[this.used] = parent;
    this.slots[slot] = ++this.used;
  }

  read(index: number, into: Int32Array): void {
    for (let i = 0, at = index * this.width; i < this.width; i++) into[i] = this.rows[at + i]!;
  }

  parent(index: number): number {
    return this.parents[index]!;
  }

  /** The slot of a row, or the empty one where it belongs. */
  private find(row: Int32Array): number {
    const mask = this.slots.length - 1;
    for (let slot = hash(row) & mask; ; slot = (slot + 1) & mask) {
      const found = this.slots[slot]!;
      if (found === 0 || this.same(found - 1, row)) return slot;
    }
  }

  private same(index: number, row: Int32Array): boolean {
    for (let i = 0, at = index * this.width; i < this.width; i++) if (this.rows[at + i] !== row[i]) return false;
    return true;
  }

  private growRows(): void {
    this.rows = grown(this.rows);
    this.parents = grown(this.parents);
  }

  private growSlots(): void {
    this.slots = new Int32Array(this.slots.length * 4);
    const row = new Int32Array(this.width);
    for (let index = 0; index < this.used; index++) {
      this.read(index, row);
      this.slots[this.find(row)] = index + 1;
    }
  }
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** Mixes as MurmurHash3 does. */
function hash(row: Int32Array): number {
  let h = 0x9747b28c;
  for (const part of row) {
    let k = Math.imul(part, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  return h >>> 0;
}
