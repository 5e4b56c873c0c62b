import { CKF_OS_LOCKING_OK, CKR } from './constants.ts';
import { CkrError, type Cryptoki, loadAddon } from './cryptoki.ts';
import type { AnswerTo, Question, Reply, ReportedFailure } from './messages.ts';
import { KeyCount, Sessions } from './sessions.ts';

/**
 * The process that holds one PKCS#11 module. A module may hang for ever, abort, or leave its locks taken, so it is kept
 * away from everything else; whoever started this process ends it when an answer takes too long.
 */

/** Kept as long as the process: pkcs11js unloads the module when this is collected. */
let module: Cryptoki | undefined;
let sessions: Sessions | undefined;

// Ctrl-C is for the process that asks: it tells this one.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => end());
process.on('message', (question: Question) => {
  process.send?.(reply(question), () => {
    if (question.ask === 'end') end();
  });
});

function reply(question: Question): Reply {
  try {
    return { answer: answer(question) };
  } catch (error) {
    return { failure: described(error, question) };
  } finally {
    if ('pin' in question) question.pin?.fill(0);
  }
}

function answer(question: Question): AnswerTo<Question> {
  if (question.ask === 'end') return undefined;
  if (question.ask === 'load') return load(question.path, question.initArgs);
  if (sessions === undefined) throw new Error('asked before the module was loaded');
  switch (question.ask) {
    case 'tokens':
      return sessions.tokens();
    case 'login':
      return sessions.login(question.slot, question.pin);
    case 'objects':
      return sessions.objects(question.slot, question.kind, question.match);
    case 'sign':
      return sessions.sign(question);
    case 'generate':
      return sessions.generate(question);
  }
}

function load(path: string, initArgs: string | undefined): undefined {
  const loaded = loadAddon();
  loaded.load(path);
  // pkcs11js cuts off the last character of the arguments.
  const given = initArgs === undefined ? {} : { libraryParameters: `${initArgs} ` };
  try {
    loaded.C_Initialize({ flags: CKF_OS_LOCKING_OK, ...given });
  } catch (error) {
    if (!(error instanceof CkrError) || error.code !== CKR.CRYPTOKI_ALREADY_INITIALIZED) throw error;
  }
  module = loaded;
  sessions = new Sessions(loaded);
}

function described(error: unknown, question: Question): ReportedFailure {
  if (error instanceof KeyCount) return { kind: 'keys', found: error.found };
  if (error instanceof CkrError) return { kind: 'ckr', code: error.code, name: error.message, call: error.call };
  const message = error instanceof Error ? error.message : String(error);
  if (question.ask !== 'load') return { kind: 'bug', message };
  const missing = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
  return { kind: missing || /pkcs11\.node/.test(message) ? 'addon' : 'module', message };
}

function end(): void {
  try {
    module?.C_Finalize();
  } catch {
    // The token may be gone; so is this process, in a moment.
  }
  process.exit(0);
}
