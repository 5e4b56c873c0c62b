import { Flags } from '@oclif/core';

/** Of every command. */
export const GLOBAL_FLAGS = {
  json: Flags.boolean({ helpGroup: 'GLOBAL', description: 'print the result, or the error, as one JSON object' }),
  workspace: Flags.string({
    char: 'C',
    helpValue: 'DIR',
    helpGroup: 'GLOBAL',
    description: 'folder of tufa.yaml, or one below it (default: here)',
  }),
  'no-input': Flags.boolean({
    helpGroup: 'GLOBAL',
    env: 'TUFA_NO_INPUT',
    description: 'never ask; exit 12 where a person is needed',
  }),
  quiet: Flags.boolean({ char: 'q', helpGroup: 'GLOBAL', description: 'the result, warnings and errors only' }),
  verbose: Flags.boolean({ char: 'v', helpGroup: 'GLOBAL', exclusive: ['quiet'], description: 'say more' }),
  'log-format': Flags.option({
    options: ['text', 'json'] as const,
    default: 'text',
    helpGroup: 'GLOBAL',
    description: 'of the lines on stderr',
  })(),
};

/** Of commands that open private keys. */
export const SIGNING_FLAGS = {
  'passphrase-file': Flags.string({
    helpValue: 'FILE',
    helpGroup: 'SIGNING',
    exclusive: ['passphrase-fd'],
    description: 'file (mode 0600) that holds the passphrase of the key files',
  }),
  'passphrase-fd': Flags.integer({
    min: 0,
    helpValue: 'N',
    helpGroup: 'SIGNING',
    description: 'open file descriptor to read the passphrase from',
  }),
  'pin-file': Flags.string({
    helpValue: 'FILE',
    helpGroup: 'SIGNING',
    exclusive: ['pin-fd'],
    description: 'file (mode 0600) that holds the PIN of a token; for several, each uri has ?pin-source=file:PATH',
  }),
  'pin-fd': Flags.integer({
    min: 0,
    helpValue: 'N',
    helpGroup: 'SIGNING',
    description: 'open file descriptor to read the PIN of a token from',
  }),
  'final-pin-try': Flags.boolean({
    helpGroup: 'SIGNING',
    description: 'use the PIN also where one more wrong one locks the token',
  }),
};

/** Kinds of keys, as they are typed. */
const SCHEMES = { ed25519: 'ed25519', 'p-256': 'ecdsa-sha2-nistp256', 'rsa-pss': 'rsassa-pss-sha256' } as const;

/** Of commands that make keys. */
export const KEY_FLAGS = {
  type: Flags.option({
    options: Object.keys(SCHEMES) as (keyof typeof SCHEMES)[],
    description: 'kind of key (default: ed25519 in a file, p-256 on a token)',
  })(),
  on: Flags.string({
    helpValue: 'URI',
    exclusive: ['insecure-plain-key'],
    description: 'token that makes and keeps the key: pkcs11:token=LABEL (see tufa key list)',
  }),
  'insecure-plain-key': Flags.boolean({ description: 'do not encrypt the key file' }),
};

interface KeyFlags {
  readonly type?: keyof typeof SCHEMES | undefined;
  readonly on?: string | undefined;
  readonly 'insecure-plain-key': boolean;
}

export function keyOptions({ type, on, 'insecure-plain-key': plain }: KeyFlags) {
  return { scheme: SCHEMES[type ?? (on === undefined ? 'ed25519' : 'p-256')], plain, on };
}

/** Of commands that read a repository as an installer does. */
export const INSTALLER_FLAGS = {
  root: Flags.string({ helpValue: 'FILE', description: 'root metadata to trust, where no state is kept yet' }),
  trusted: Flags.string({
    helpValue: 'DIR',
    description: 'folder of the trusted state (default: one for each repository)',
  }),
};

/** Of commands that ask "shall I?" where nothing is lost by a yes. Never covers what needs `--confirm`. */
export const YES_FLAG = {
  yes: Flags.boolean({ char: 'y', description: 'do not ask' }),
};

/** Of dangerous commands: the name of the repository, typed as a flag instead of at the prompt. */
export const CONFIRM_FLAG = {
  confirm: Flags.string({ helpValue: 'NAME', description: 'name of the repository, to say that this is meant' }),
};

/** Of commands that look at drafts, or at keys that will stand in them. */
export const CEREMONY_FLAGS = {
  'break-clients': Flags.string({
    multiple: true,
    helpValue: 'NAME',
    description: 'go on although this client will not be able to read it, ever',
  }),
};
