import { z } from 'zod';
import { UsageError } from '../errors.ts';
import { KINDS } from '../queue/envelope.ts';
import { QUEUE_PREFIX } from '../tuf/layout.ts';
import { DAY, durationMs } from './duration.ts';
import { PROFILES } from './profiles.ts';

/**
 * What tufa.yaml may say. Each leaf's message is what was *expected*; `load.ts` adds what was found, and where. Fields
 * that may be left out have their default here, and written out in `repo-template/tufa.yaml`.
 */

export const CLIENTS = ['python-tuf', 'tuf-js', 'go-tuf', 'tough'] as const;
/** Signed by people, with keys that are offline. */
export const OFFLINE_ROLES = ['root', 'targets', 'trust', 'claimed', 'bins', 'recent'] as const;
/** Signed by the job. `bins` and `recent` are the leaves: `bin0` or `bin4-0` to `bin4-f`. */
export const ONLINE_ROLES = ['timestamp', 'snapshot', 'bins', 'recent', 'deny'] as const;

export type Client = (typeof CLIENTS)[number];
export type OfflineRole = (typeof OFFLINE_ROLES)[number];
export type OnlineRole = (typeof ONLINE_ROLES)[number];

const duration = () =>
  z
    .custom<string>((value) => durationMs(value) !== undefined, 'a time such as 365d, 12h, 15m or 60s, at most 3650d')
    .transform((text) => durationMs(text) ?? 0);

const whole = (least: number, most: number) =>
  z.custom<number>(
    (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
    `a whole number from ${least} to ${most}`,
  );

const text = (pattern: RegExp, expected: string) =>
  z.custom<string>((value) => typeof value === 'string' && pattern.test(value), expected);

const oneOf = <T extends string>(options: readonly T[]) =>
  z.custom<T>((value) => options.includes(value as T), `one of ${options.join(', ')}`);

const listOf = <T extends z.ZodType>(item: T, what: string) =>
  z.array(item, `a list of ${what}`).min(1, `at least one of ${what}`);

const mapping = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, 'a mapping');

/** Key files are called `<name>.pem`, holders `<name>.json`: names that no file system confuses. */
const NAME = /^(?!(?:true|false|null)$)[a-z](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
export const keyName = () => text(NAME, 'a name of small letters, digits, ".", "_" and "-", a letter first');
export const repositoryName = () =>
  text(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/, 'a name of letters, digits, ".", "_" and "-"');

/** For a name that was typed. @param object what it is a name of. @throws UsageError */
export function assertName(form: ReturnType<typeof keyName>, name: string, object: string): void {
  const checked = form.safeParse(name);
  if (checked.success) return;
  throw new UsageError('cannot be used', {
    object,
    code: 'usage.name',
    expected: checked.error.issues[0]?.message ?? 'another name',
    found: JSON.stringify(name),
  });
}

const URI = /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/;
const storeUri = () => text(URI, 'the URI of a store, such as file:public');

const QUEUE = /^(?!metadata\/|targets\/|\.)(?:[a-zA-Z0-9_-]+\/)+$/;
const PROJECT = /^(?:\*|[a-z0-9]+(?:-[a-z0-9]+)*)$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const role = () =>
  mapping({
    threshold: whole(1, 64),
    holders: listOf(keyName(), 'names of holders'),
  });

/** The standby key is named in metadata beforehand and used when the active one is lost. */
const online = () => mapping({ key: keyName(), standby: keyName().optional() });

/** What would change the process that the module runs in cannot be set. */
const VARIABLE = /^(?!NODE_|LD_|DYLD_)[A-Za-z_][A-Za-z0-9_]*$/;

const pkcs11Module = () =>
  mapping({
    path: text(/^(?:\/|[A-Za-z]:[\\/])[^\0]+$/, 'the absolute path of a PKCS#11 module'),
    initArgs: text(/^[^\0]+$/, 'arguments of C_Initialize').optional(),
    env: z
      .record(
        text(VARIABLE, 'name of an environment variable'),
        text(/^[^\0]*$/, 'a text'),
        'variables by name, none of NODE_*, LD_*, DYLD_*',
      )
      .optional(),
  });

const fields = mapping({
  repository: mapping({
    name: repositoryName(),
    uuid: text(UUID, 'a uuid in small letters, as `uuidgen` prints it'),
  }),
  profile: oneOf(PROFILES),
  store: storeUri(),
  queue: text(QUEUE, 'a prefix of keys in the store with a "/" at its end, such as queue/').default(QUEUE_PREFIX),
  trusted: storeUri(),
  publishers: oneOf(['one', 'many']).default('one'),
  clients: listOf(oneOf(CLIENTS), 'clients').default(['python-tuf', 'tuf-js', 'go-tuf']),
  cover: oneOf(['files', 'pages']).default('files'),
  bytes: oneOf(['store', 'external']).default('store'),
  bins: mapping({ bits: whole(0, 16) }).default({ bits: 0 }),
  recent: mapping({ bits: whole(0, 16) }).default({ bits: 0 }),
  roles: mapping({
    root: role(),
    targets: role(),
    trust: role(),
    claimed: role(),
    bins: role().optional(),
    recent: role().optional(),
  }),
  online: mapping({
    timestamp: online(),
    snapshot: online(),
    bins: online(),
    recent: online(),
    deny: online(),
  }),
  expires: mapping({
    root: duration().prefault('365d'),
    targets: duration().prefault('365d'),
    trust: duration().prefault('365d'),
    claimed: duration().prefault('180d'),
    bins: duration().prefault('365d'),
    recent: duration().prefault('365d'),
    snapshot: duration().prefault('7d'),
    // 7d in profile hobby, whose job may be a laptop that sleeps; else 1d.
    timestamp: duration().optional(),
    leaves: duration().prefault('30d'),
  }).prefault({}),
  renew: mapping({
    snapshot: duration().prefault('4d'),
    // Half of expires.timestamp.
    timestamp: duration().optional(),
    leaves: duration().prefault('15d'),
  }).prefault({}),
  publish: mapping({ every: duration().prefault('60s'), tries: whole(1, 64).default(8) }).prefault({}),
  removals: mapping({ hold: whole(1, 1_000_000) }).default({ hold: 100 }),
  grace: duration().prefault('15m'),
  pkcs11: mapping({
    modules: z.record(keyName(), pkcs11Module(), 'modules by names of small letters').default({}),
  }).prefault({}),
  uploaders: z
    .array(
      mapping({
        key: keyName(),
        kinds: listOf(oneOf(KINDS), 'kinds'),
        projects: listOf(text(PROJECT, 'a normalised project name or "*"'), 'projects'),
      }),
      'a list of uploaders',
    )
    .default([]),
});

/** The whole of tufa.yaml, with its defaults; times are milliseconds. */
export type Config = Readonly<z.output<typeof schema>>;

export const schema = fields.transform(({ expires, renew, ...others }) => {
  const timestamp = expires.timestamp ?? (others.profile === 'hobby' ? 7 : 1) * DAY;
  return {
    ...others,
    expires: { ...expires, timestamp },
    renew: { ...renew, timestamp: renew.timestamp ?? timestamp / 2 },
  };
});

/** Field names that may stand at `path`, for "did you mean"; empty where it is no mapping. */
export function fieldsAt(path: readonly PropertyKey[]): string[] {
  let at: z.core.$ZodType = fields;
  for (const key of path) {
    const inner = unwrapped(at);
    const next =
      inner instanceof z.ZodArray
        ? inner.element
        : inner instanceof z.ZodRecord
          ? inner.valueType
          : shapeOf(inner)[String(key)];
    if (next === undefined) return [];
    at = next;
  }
  return Object.keys(shapeOf(unwrapped(at)));
}

function unwrapped(type: z.core.$ZodType): z.core.$ZodType {
  return type instanceof z.ZodDefault || type instanceof z.ZodPrefault || type instanceof z.ZodOptional
    ? unwrapped(type.unwrap())
    : type;
}

function shapeOf(type: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> {
  return type instanceof z.ZodObject ? type.shape : {};
}
