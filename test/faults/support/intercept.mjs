/**
 * What stands between a running `tufa` and its storage. Product code has no test hook: this is loaded beside it
 * (NODE_OPTIONS=--import), imports the very module that the program imports, and patches LocalStore's methods and the
 * functions of node:fs that change something.
 *
 * An operation is a call of a store, or a change of a file that no store makes (tufa.yaml, holders, key files,
 * downloads): `{ kind: 'store' | 'file', name, key, writes }`. What a store does to do its work is a step:
 * `{ kind: 'step', ... }`. Keys are relative to the folder that the program runs in: `public/metadata/timestamp.json`.
 *
 * $TUFA_FAULT_CLOCK (a time) is where the clock of the program stands still.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { relative, resolve } from 'node:path';
import { LocalStore } from '../../../dist/stores/local.js';

const WRITES = ['create', 'swap', 'remove'];
const READS = ['get', 'open'];
const CHANGES = ['mkdir', 'link', 'rename', 'unlink', 'rm', 'chmod', 'writeFile'];

const here = process.cwd();
const inStore = new AsyncLocalStorage();

const clock = process.env['TUFA_FAULT_CLOCK'];
if (clock !== undefined) {
  const now = new Date(clock).getTime();
  globalThis.Date = class extends Date {
    constructor(...args) {
      if (args.length === 0) super(now);
      else super(...args);
    }

    static now() {
      return now;
    }
  };
}

/**
 * @param {(operation: {kind: string, name: string, key: string, writes: boolean, store?: object, args: unknown[]},
 *   go: () => Promise<unknown>) => Promise<unknown>} handler does the operation, or something else
 */
export function between(handler) {
  for (const name of [...WRITES, ...READS]) patchStore(name, handler);
  patchList(handler);
  for (const name of CHANGES) patchFunction(name, handler, (args) => name !== 'mkdir' || !fs.existsSync(args[0]));
  patchFunction('open', handler, (args) => typeof args[1] === 'string');
  patchStreams(handler);
  syncBuiltinESMExports();
}

function patchStore(name, handler) {
  const original = LocalStore.prototype[name];
  LocalStore.prototype[name] = function (...args) {
    const operation = {
      kind: 'store',
      name,
      key: keyOf(this, args[0]),
      writes: WRITES.includes(name),
      store: this,
      args,
    };
    return handler(operation, () => inStore.run(true, () => Reflect.apply(original, this, args)));
  };
}

/** A listing is read step by step; its beginning is the operation. */
function patchList(handler) {
  const original = LocalStore.prototype.list;
  LocalStore.prototype.list = async function* (...args) {
    const operation = { kind: 'store', name: 'list', key: keyOf(this, args[0]), writes: false, store: this, args };
    yield* await handler(operation, async () => Reflect.apply(original, this, args));
  };
}

function patchFunction(name, handler, wanted) {
  const original = promises[name];
  promises[name] = function (...args) {
    const go = () => Reflect.apply(original, this, args);
    // A link and a rename are where their target is.
    const path = name === 'link' || name === 'rename' ? args[1] : args[0];
    const key = typeof path === 'string' ? relative(here, resolve(path)) : '..';
    return key.startsWith('..') || !wanted(args) ? go() : handler(fileOperation(name, key, args), go);
  };
}

/** Streams open and write through the functions with callbacks. */
function patchStreams(handler) {
  const keys = new Map();
  const { open, write } = fs;
  fs.open = (...args) => {
    const done = args.at(-1);
    const key = relative(here, resolve(String(args[0])));
    if (typeof args[1] !== 'string' || args[1] === 'r' || key.startsWith('..')) return open(...args);
    handler(fileOperation('open', key, args), () => promised(open, args.slice(0, -1))).then(
      (fd) => done(null, keys.set(fd, key) && fd),
      done,
    );
  };
  fs.write = (...args) => {
    const done = args.at(-1);
    const key = keys.get(args[0]);
    if (key === undefined) return write(...args);
    handler(fileOperation('write', key, args), () => promised(write, args.slice(0, -1))).then(
      (n) => done(null, n),
      done,
    );
  };
}

function fileOperation(name, key, args) {
  return { kind: inStore.getStore() ? 'step' : 'file', name, key, writes: true, args };
}

function keyOf(store, key) {
  return relative(here, resolve(store.uri.slice('file:'.length), key));
}

function promised(work, args) {
  return new Promise((resolve, reject) => {
    work(...args, (error, value) => (error ? reject(error) : resolve(value)));
  });
}
